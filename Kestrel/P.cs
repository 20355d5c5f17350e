namespace TcpActors;

internal static class PlaceholderKestrel;

namespace TcpActors;

internal static class PlaceholderActors;

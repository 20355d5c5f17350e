namespace TcpActors;

internal static class PlaceholderHost;

namespace TcpActors;
internal static class PlaceholderTransport;

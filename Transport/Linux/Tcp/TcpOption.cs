namespace TcpActors.Transport.Linux.Tcp;

/// <summary>Socket options by level and number, as the kernel's uapi headers number them.</summary>
internal static class TcpOption
{
    public const int LevelSocket = 1;
    public const int LevelIPv4 = 0;
    public const int LevelTcp = 6;
    public const int LevelIPv6 = 41;

    // SOL_SOCKET
    public const int ReuseAddress = 2;
    public const int SendBuffer = 7;
    public const int ReceiveBuffer = 8;
    public const int KeepAlive = 9;
    public const int OutOfBandInline = 10;
    public const int Priority = 12;
    public const int Linger = 13;
    public const int ReusePort = 15;
    public const int ReceiveLowWater = 18;
    public const int BindToDevice = 25;
    public const int GetFilter = 26;
    public const int SendBufferForce = 32;
    public const int ReceiveBufferForce = 33;
    public const int Mark = 36;
    public const int Protocol = 38;
    public const int BusyPoll = 46;
    public const int MaxPacingRate = 47;
    public const int BufferLock = 72;

    // IPPROTO_IP
    public const int IPv4Tos = 1;
    public const int IPv4Ttl = 2;
    public const int IPv4HeaderIncluded = 3;
    public const int IPv4MtuDiscover = 10;
    public const int IPv4FreeBind = 15;
    public const int IPv4Transparent = 19;
    public const int IPv4MinTtl = 21;

    // IPPROTO_IPV6
    public const int IPv6Hops = 16;
    public const int IPv6MtuDiscover = 23;
    public const int IPv6Only = 26;
    public const int IPv6HeaderIncluded = 36;
    public const int IPv6TrafficClass = 67;
    public const int IPv6MinHops = 73;
    public const int IPv6Transparent = 75;
    public const int IPv6FreeBind = 78;

    // IPPROTO_TCP
    public const int NoDelay = 1;
    public const int MaxSegment = 2;
    public const int Cork = 3;
    public const int KeepIdle = 4;
    public const int KeepInterval = 5;
    public const int KeepCount = 6;
    public const int Linger2 = 8;
    public const int WindowClamp = 10;
    public const int Info = 11;
    public const int Congestion = 13;
    public const int UserTimeout = 18;
    public const int Repair = 19;
    public const int RepairQueue = 20;
    public const int QueueSequence = 21;
    public const int RepairOptions = 22;
    public const int Timestamp = 24;
    public const int NotSentLowWater = 25;
    public const int RepairWindow = 29;
    public const int UpperProtocol = 31;
    public const int MaxRtoMilliseconds = 44;
    public const int MinRtoMicroseconds = 45;
}

namespace TcpActors.Specs.Simulation;

/// <summary>
/// Rates in bit/s and sizes in bytes as they are read aloud: <c>100.Mbit</c>, <c>64.KiB</c>. Times are in <c>Durations</c>.
/// </summary>
internal static class Quantities
{
    extension(int value)
    {
        public long Mbit => value * 1_000_000L;

        public int KiB => value << 10;

        public int MiB => value << 20;
    }
}

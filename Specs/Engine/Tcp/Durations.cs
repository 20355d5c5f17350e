using TcpActors.Engine.State;

namespace TcpActors.Specs.Engine.Tcp;

/// <summary>Times as they are read aloud: <c>1.5.s</c>, <c>200.ms</c>.</summary>
internal static class Durations
{
    extension(int value)
    {
        public Microseconds s => Microseconds.FromSeconds(value);

        public Microseconds ms => Microseconds.FromMilliseconds(value);

        public Microseconds us => new(value);
    }

    extension(double value)
    {
        public Microseconds s => Microseconds.FromSeconds(value);
    }
}

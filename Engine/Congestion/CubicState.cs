using System.Runtime.InteropServices;

namespace TcpActors.Engine.Congestion;

/// <summary>What CUBIC remembers (RFC 9438 4.1.2); windows in bytes, K in microseconds. Its moments are those of <see cref="Cubic"/>.</summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal struct CubicState
{
    public CubicCurve Curve;

    /// <summary>The curve as before the last reduction (RFC 9438 4.9.2).</summary>
    public CubicCurve Undo;

    /// <summary>What the window has grown by beyond its whole bytes.</summary>
    public double Fraction;

    public HyStart HyStart;

    private byte _isWindowInUse;

    /// <summary>Whether the last acknowledgement found the window in full use.</summary>
    public bool IsWindowInUse
    {
        readonly get => _isWindowInUse != 0;
        set => _isWindowInUse = value ? (byte)1 : (byte)0;
    }
}

/// <summary>The variables of RFC 9438 4.1.2 that an undone reduction restores.</summary>
[StructLayout(LayoutKind.Sequential, Pack = sizeof(uint))]
internal struct CubicCurve
{
    /// <summary>W_est.</summary>
    public double Reno;

    /// <summary>W_max; 0: the window at which congestion avoidance begins, so that K is 0 (RFC 9438 4.8, 4.10).</summary>
    public uint Plateau;

    /// <summary>cwnd_prior: the window when SSTHRESH was last set; 0: it was not.</summary>
    public uint PriorWindow;

    /// <summary>K.</summary>
    public uint K;
}

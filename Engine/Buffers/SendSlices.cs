namespace TcpActors.Engine.Buffers;

/// <summary>Where a run of bytes of a <see cref="SendBuffer"/> lies in memory: one slice, or two when it crosses a chunk's end.</summary>
public unsafe struct SendSlices
{
    public byte* P0;
    public int L0;
    public byte* P1;
    public int L1;
}

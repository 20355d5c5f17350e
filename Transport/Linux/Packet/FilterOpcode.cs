namespace TcpActors.Transport.Linux;

/// <summary>linux/filter.h: what an instruction of a classic BPF filter does.</summary>
internal static class FilterOpcode
{
    public const ushort LoadWord = 0x20;
    public const ushort LoadHalf = 0x28;
    public const ushort LoadByte = 0x30;
    public const ushort LoadHalfIndexed = 0x48;
    public const ushort LoadHeaderLength = 0xb1;
    public const ushort And = 0x54;
    public const ushort CopyToX = 0x07;
    public const ushort SubtractX = 0x1c;
    public const ushort JumpEqual = 0x15;
    public const ushort JumpAtLeast = 0x35;
    public const ushort JumpSet = 0x45;
    public const ushort Return = 0x06;
}

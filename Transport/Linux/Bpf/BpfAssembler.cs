namespace TcpActors.Transport.Linux.Bpf;

/// <summary>A register of the eBPF machine. R0 returns results, R1 to R5 pass arguments and do not survive a call, R6 to R9 do.</summary>
internal enum Register : byte { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, FramePointer }

/// <summary>Width of a memory access, as its opcode bits (RFC 9669 section 5).</summary>
internal enum Width : byte { Word = 0x00, Half = 0x08, Byte = 0x10, Double = 0x18 }

/// <summary>Comparison of a conditional jump, as its opcode bits (RFC 9669 section 4.3).</summary>
internal enum When : byte { Equal = 0x10, BitsSet = 0x40, NotEqual = 0x50 }

/// <summary>A kernel function that a program may call, by its number in uapi/linux/bpf.h.</summary>
internal enum Helper { MapLookupElement = 1, SkbChangeType = 32, SkbLoadBytesRelative = 68 }

/// <summary>A place in a program, named before it is reached.</summary>
internal readonly record struct Label(int Index);

/// <summary>
/// Writes eBPF programs (RFC 9669) instruction by instruction. Only the instructions that our programs use exist, so that a reader can
/// check each against the RFC. Jumps name labels; <see cref="Build"/> resolves them.
/// </summary>
internal sealed class BpfAssembler
{
    // Instruction classes and source bit, RFC 9669 section 3.2 and 3.3.
    private const byte Load = 0x00, LoadIndirect = 0x01, StoreImmediate = 0x02, StoreRegister = 0x03, Jump = 0x05, Alu64 = 0x07;
    private const byte FromRegister = 0x08;
    private const byte ModeMemory = 0x60;
    private const byte Add = 0x00, And = 0x50, ShiftLeft = 0x60, ShiftRight = 0x70, Move = 0xb0;
    private const byte CallCode = 0x80, ExitCode = 0x90;
    private const byte SourceIsMapDescriptor = 1;

    private readonly List<ulong> _code = [];
    private readonly List<int> _labels = [];
    private readonly List<(int At, Label Target)> _jumps = [];

    public Label NewLabel()
    {
        _labels.Add(-1);
        return new Label(_labels.Count - 1);
    }

    /// <summary>Puts <paramref name="label"/> here.</summary>
    /// <exception cref="InvalidOperationException">The label has a place already.</exception>
    public BpfAssembler Place(Label label)
    {
        if (_labels[label.Index] >= 0)
            throw new InvalidOperationException($"Label {label.Index} is placed twice.");
        _labels[label.Index] = _code.Count;
        return this;
    }

    public BpfAssembler Set(Register to, int value) => Emit(Alu64 | Move, to, immediate: value);

    public BpfAssembler Copy(Register to, Register from) => Emit(Alu64 | Move | FromRegister, to, from);

    public BpfAssembler AddTo(Register to, int value) => Emit(Alu64 | Add, to, immediate: value);

    public BpfAssembler AddTo(Register to, Register value) => Emit(Alu64 | Add | FromRegister, to, value);

    public BpfAssembler AndWith(Register to, int value) => Emit(Alu64 | And, to, immediate: value);

    public BpfAssembler ShiftLeftBy(Register to, int bits) => Emit(Alu64 | ShiftLeft, to, immediate: bits);

    public BpfAssembler ShiftRightBy(Register to, int bits) => Emit(Alu64 | ShiftRight, to, immediate: bits);

    public BpfAssembler Read(Width width, Register to, Register at, int offset) =>
        Emit(LoadIndirect | ModeMemory | (byte)width, to, at, offset);

    public BpfAssembler Write(Width width, Register at, int offset, Register value) =>
        Emit(StoreRegister | ModeMemory | (byte)width, at, value, offset);

    public BpfAssembler WriteConstant(Width width, Register at, int offset, int value) =>
        Emit(StoreImmediate | ModeMemory | (byte)width, at, offset: offset, immediate: value);

    /// <summary>Loads a map by its descriptor, which must stay open until the program is loaded. Takes two instructions.</summary>
    public BpfAssembler LoadMap(Register to, int descriptor)
    {
        Emit(Load | (byte)Width.Double, to, (Register)SourceIsMapDescriptor, immediate: descriptor);
        _code.Add(0);
        return this;
    }

    public BpfAssembler Call(Helper helper) => Emit(Jump | CallCode, immediate: (int)helper);

    public BpfAssembler Exit() => Emit(Jump | ExitCode);

    public BpfAssembler GoTo(Label target) => JumpTo(target).Emit(Jump);

    public BpfAssembler GoTo(Label target, Register left, When when, int right) =>
        JumpTo(target).Emit(Jump | (byte)when, left, immediate: right);

    public BpfAssembler GoTo(Label target, Register left, When when, Register right) =>
        JumpTo(target).Emit(Jump | (byte)when | FromRegister, left, right);

    /// <summary>The finished program: one 64-bit word per instruction slot, as the kernel takes it on a little-endian machine.</summary>
    /// <exception cref="InvalidOperationException">A jump names a label that was never placed.</exception>
    public ulong[] Build()
    {
        var code = _code.ToArray();
        foreach (var (at, target) in _jumps)
        {
            if (_labels[target.Index] < 0)
                throw new InvalidOperationException($"The jump in slot {at} names label {target.Index}, which was never placed.");
            // RFC 9669 section 4.3: the offset counts slots from the one after the jump.
            var distance = checked((short)(_labels[target.Index] - at - 1));
            code[at] |= (ulong)(ushort)distance << 16;
        }

        return code;
    }

    private BpfAssembler JumpTo(Label target)
    {
        _jumps.Add((_code.Count, target));
        return this;
    }

    // RFC 9669 section 3: opcode 8 bits, destination 4, source 4, offset 16, immediate 32.
    private BpfAssembler Emit(int opcode, Register destination = Register.R0, Register source = Register.R0, int offset = 0, int immediate = 0)
    {
        _code.Add((byte)opcode | (ulong)destination << 8 | (ulong)source << 12
            | (ulong)(ushort)checked((short)offset) << 16 | (ulong)(uint)immediate << 32);
        return this;
    }
}

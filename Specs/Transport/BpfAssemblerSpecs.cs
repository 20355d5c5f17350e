using System.Net;
using System.Runtime.InteropServices;
using TcpActors.Engine.Wire;
using TcpActors.Transport.Linux.Bpf;
using Xunit;

namespace TcpActors.Specs.Transport;

/// <summary>The expected bytes follow RFC 9669: opcode, source and destination register, offset, immediate, little-endian.</summary>
public sealed class BpfAssemblerSpecs
{
    [Fact]
    public void Constants_registers_and_arithmetic_are_encoded()
    {
        Encodes(a => a.Set(Register.R0, -1), "b7 00 00 00 ff ff ff ff");
        Encodes(a => a.Copy(Register.R6, Register.R1), "bf 16 00 00 00 00 00 00");
        Encodes(a => a.AddTo(Register.R3, -80), "07 03 00 00 b0 ff ff ff");
        Encodes(a => a.AddTo(Register.R9, Register.R8), "0f 89 00 00 00 00 00 00");
        Encodes(a => a.AndWith(Register.R9, 0x0f), "57 09 00 00 0f 00 00 00");
        Encodes(a => a.ShiftLeftBy(Register.R9, 2), "67 09 00 00 02 00 00 00");
        Encodes(a => a.ShiftRightBy(Register.R1, 12), "77 01 00 00 0c 00 00 00");
    }

    [Fact]
    public void Memory_is_read_and_written_in_four_widths()
    {
        Encodes(a => a.Read(Width.Word, Register.R1, Register.R6, 8), "61 61 08 00 00 00 00 00");
        Encodes(a => a.Read(Width.Half, Register.R1, Register.FramePointer, -80), "69 a1 b0 ff 00 00 00 00");
        Encodes(a => a.Read(Width.Byte, Register.R9, Register.FramePointer, -80), "71 a9 b0 ff 00 00 00 00");
        Encodes(a => a.Read(Width.Double, Register.R1, Register.R0, 0), "79 01 00 00 00 00 00 00");
        Encodes(a => a.Write(Width.Word, Register.R6, 8, Register.R1), "63 16 08 00 00 00 00 00");
        Encodes(a => a.Write(Width.Half, Register.FramePointer, -8, Register.R1), "6b 1a f8 ff 00 00 00 00");
        Encodes(a => a.Write(Width.Double, Register.FramePointer, -40, Register.R1), "7b 1a d8 ff 00 00 00 00");
        Encodes(a => a.WriteConstant(Width.Double, Register.FramePointer, -40, 0), "7a 0a d8 ff 00 00 00 00");
        Encodes(a => a.WriteConstant(Width.Half, Register.FramePointer, -30, 0xffff), "6a 0a e2 ff ff ff 00 00");
    }

    [Fact]
    public void A_map_takes_two_slots_and_calls_and_exits_one() => Encodes(
        a => a.LoadMap(Register.R1, 25).Call(Helper.MapLookupElement).Call(Helper.SkbLoadBytesRelative).Exit(),
        "18 11 00 00 19 00 00 00  00 00 00 00 00 00 00 00  85 00 00 00 01 00 00 00  85 00 00 00 44 00 00 00  95 00 00 00 00 00 00 00");

    [Fact]
    public void Jumps_count_slots_from_the_next_instruction_forward_and_back()
    {
        Encodes(
            a =>
            {
                var (back, forward) = (a.NewLabel(), a.NewLabel());
                a.Place(back)
                    .GoTo(forward, Register.R1, When.Equal, 8)
                    .GoTo(forward, Register.R1, When.Equal, Register.R2)
                    .GoTo(forward, Register.R1, When.NotEqual, 6)
                    .GoTo(forward, Register.R1, When.BitsSet, 0xff3f)
                    .LoadMap(Register.R1, 3)
                    .GoTo(back)
                    .Place(forward)
                    .Exit();
            },
            "15 01 06 00 08 00 00 00  1d 21 05 00 00 00 00 00  55 01 04 00 06 00 00 00  45 01 03 00 3f ff 00 00"
            + "18 11 00 00 03 00 00 00  00 00 00 00 00 00 00 00  05 00 f9 ff 00 00 00 00  95 00 00 00 00 00 00 00");
    }

    [Fact]
    public void A_label_is_placed_exactly_once()
    {
        var program = new BpfAssembler();
        var label = program.NewLabel();
        program.GoTo(label);
        Assert.Throws<InvalidOperationException>(program.Build);
        program.Place(label);
        Assert.Throws<InvalidOperationException>(() => program.Place(label));
    }

    [Fact]
    public void The_flow_maps_key_is_local_then_remote_in_network_order()
    {
        Assert.Equal(
            Convert.FromHexString("00000000000000000000ffff0a000001" + "00000000000000000000ffff0a000002" + "01bb" + "9c40" + "00000000"),
            KeyOf("10.0.0.1:443", "10.0.0.2:40000"));
        Assert.Equal(
            Convert.FromHexString("20010db8000000000000000000000001" + "20010db8000000000000000000000002" + "01bb" + "9c40" + "00000000"),
            KeyOf("[2001:db8::1]:443", "[2001:db8::2]:40000"));
    }

    [Theory]
    [InlineData("0\n", 1)]
    [InlineData("0-1\n", 2)]
    [InlineData("0-3,8,10-11\n", 7)]
    public void Possible_CPUs_are_counted_from_the_kernels_list(string list, int count) => Assert.Equal(count, PossibleCpus.Parse(list));

    private static byte[] KeyOf(string local, string remote)
    {
        var key = new FlowMapKey(FlowKey.From(IPEndPoint.Parse(local), IPEndPoint.Parse(remote)));
        return MemoryMarshal.AsBytes(new ReadOnlySpan<FlowMapKey>(in key)).ToArray();
    }

    private static void Encodes(Action<BpfAssembler> write, string hex)
    {
        var program = new BpfAssembler();
        write(program);
        Assert.Equal(hex.Replace(" ", "").ToUpperInvariant(), Convert.ToHexString(MemoryMarshal.AsBytes(program.Build().AsSpan())));
    }
}

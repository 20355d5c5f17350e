using System.Diagnostics;
using System.Globalization;

namespace TcpActors.Bench.Measuring;

/// <summary>CPU time used up to a moment, in seconds (proc(5)); the kernel tells it in steps of 10 ms.</summary>
/// <param name="At">The moment, as <see cref="Stopwatch"/> tells it.</param>
/// <param name="User">By the serving process in user mode.</param>
/// <param name="System">By the serving process in the kernel.</param>
/// <param name="Machine">By everything on the machine.</param>
internal readonly record struct CpuReading(long At, double User, double System, double Machine)
{
    private const double TicksPerSecond = 100;

    public static CpuReading Take(int processId)
    {
        // The name of the command, in parentheses, may hold anything: fields are counted behind it.
        string text = File.ReadAllText($"/proc/{processId}/stat");
        string[] process = text[(text.LastIndexOf(')') + 2)..].Split(' ');
        using var machine = new StreamReader("/proc/stat");
        string[] cpu = machine.ReadLine()!.Split(' ', StringSplitOptions.RemoveEmptyEntries);

        // user, nice, system, -, -, irq, softirq: not idle, iowait, nor what a hypervisor took.
        double busy = Number(cpu[1]) + Number(cpu[2]) + Number(cpu[3]) + Number(cpu[6]) + Number(cpu[7]);
        return new CpuReading(
            Stopwatch.GetTimestamp(), Number(process[11]) / TicksPerSecond, Number(process[12]) / TicksPerSecond, busy / TicksPerSecond);
    }

    /// <summary>What was used since an earlier moment, and how long ago that was.</summary>
    public Figures Since(in CpuReading earlier) => new()
    {
        [Figures.Seconds] = Stopwatch.GetElapsedTime(earlier.At, At).TotalSeconds,
        [Figures.ServerUser] = User - earlier.User,
        [Figures.ServerSystem] = System - earlier.System,
        [Figures.Machine] = Machine - earlier.Machine,
    };

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}

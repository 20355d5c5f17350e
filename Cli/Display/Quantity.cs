using System.Globalization;

namespace TcpActors.Cli.Display;

/// <summary>Amounts for people: three digits that say something, and a decimal unit.</summary>
internal static class Quantity
{
    private static readonly string[] s_units = ["B", "kB", "MB", "GB", "TB"];

    /// <summary>Bytes, as in <c>1.25 MB</c>.</summary>
    public static string Bytes(double bytes)
    {
        var unit = 0;
        for (; bytes >= 999.5 && unit < s_units.Length - 1; unit++)
        {
            bytes /= 1000;
        }

        var digits = unit == 0 || bytes >= 99.5 ? "0" : bytes >= 9.95 ? "0.0" : "0.00";
        return $"{bytes.ToString(digits, CultureInfo.InvariantCulture)} {s_units[unit]}";
    }

    /// <summary>Bytes per second.</summary>
    public static string Rate(double bytesPerSecond) => $"{Bytes(bytesPerSecond)}/s";
}

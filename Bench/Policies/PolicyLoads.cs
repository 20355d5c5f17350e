using TcpActors.Bench.Rows;

namespace TcpActors.Bench.Policies;

/// <summary>Loads under policies: three like those of servers, and the parts that work is made of, from which the cost model is taken.</summary>
internal static class PolicyLoads
{
    private static readonly Contender[] s_all = [Contender.Never, Contender.Always, Contender.Adaptive];
    private static readonly Contender[] s_places = [Contender.Never, Contender.Always];

    private static readonly ConnectionKind s_short = new(Threads: 12, Connections: 250, Exchanges: 3, Request: 64, Answer: 1024);
    private static readonly ConnectionKind s_talk = new(Threads: 4, Connections: 1, Exchanges: 4000, Request: 64, Answer: 64, IsLong: true);
    private static readonly ConnectionKind s_download = new(Threads: 2, Connections: 1, Exchanges: 250, Request: 64, Answer: 1 << 20, IsLong: true);
    private static readonly ConnectionKind s_upload = new(Threads: 2, Connections: 1, Exchanges: 250, Request: 1 << 20, Answer: 64, IsLong: true);

    /// <summary>What policies are compared on.</summary>
    public static IReadOnlyList<PolicyRow> Loads { get; } =
    [
        new("policy-short", "many short connections: 3 requests of 64 bytes, answers of 1 KiB", [s_short], s_all),
        new("policy-long", "few long connections: 4 of 64-byte requests, 2 downloads, 2 uploads of 1 MiB at a time", [s_talk, s_download, s_upload], s_all),
        new(
            "policy-mixed",
            "both: short ones beside 2 of 64-byte requests, 1 download, 1 upload",
            [s_short with { Connections = 150 }, s_talk with { Threads = 2 }, s_download with { Threads = 1 }, s_upload with { Threads = 1 }],
            s_all),
    ];

    /// <summary>What the straight lines of the cost model go through.</summary>
    public static IReadOnlyList<PolicyRow> Parts { get; } =
    [
        new("part-talk", "64-byte requests, 16 connections", [s_talk with { Threads = 16, Exchanges = 3000 }], s_places),
        new("part-download", "downloads, 2 connections", [s_download with { Exchanges = 1500 }], s_places),
        new("part-upload", "uploads, 2 connections", [s_upload with { Exchanges = 2000 }], s_places),
        new("part-pages", "64-byte requests, answers of 16 KiB, 16 connections", [s_talk with { Threads = 16, Exchanges = 2000, Answer = 16 << 10 }], s_places),
        new("part-posts", "requests of 16 KiB, 64-byte answers, 16 connections", [s_talk with { Threads = 16, Exchanges = 2000, Request = 16 << 10 }], s_places),
        new("part-open", "connections of one 64-byte request", [s_short with { Exchanges = 1, Answer = 64 }], s_places),
    ];
}

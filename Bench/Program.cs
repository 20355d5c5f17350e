using TcpActors.Bench.CommandLine;
using TcpActors.Bench.Lab;

return args is [ChildLoop.Verb, var parent] ? await ChildLoop.RunAsync(parent) : await BenchCommand.RunAsync(args);

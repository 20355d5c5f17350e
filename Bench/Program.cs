using TcpActors.Bench.CommandLine;
using TcpActors.Bench.Lab;
using TcpActors.Bench.Moves;

return args switch
{
    [ChildLoop.Verb, var parent] => await ChildLoop.RunAsync(parent),
    [MovePeer.Verb, .. var arguments] => MovePeer.Run(arguments),
    _ => await BenchCommand.RunAsync(args),
};

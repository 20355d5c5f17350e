using TcpActors.Cli;

return await CommandLine.RunAsync(args);

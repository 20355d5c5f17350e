namespace TcpActors.Cli.Control;

/// <summary>Answers what comes over the control socket.</summary>
internal interface IControlHandler
{
    Task<ControlResponse> HandleAsync(ControlRequest request);
}

using Microsoft.Extensions.Logging;
using TcpActors.Actors;
using TcpActors.Engine.State;
using TcpActors.Transport.Links;
using TcpActors.Transport.Linux;
using TcpActors.Transport.Linux.Bpf;
using TcpActors.Transport.Linux.Netlink;
using TcpActors.Transport.Steering;

namespace TcpActors.HostSide;

/// <summary>
/// Makes the TOEs of a kernel host: a link and the steering of its interface. One TOE for each interface; each has a mark of its own.
/// </summary>
internal sealed class ToeFactory : IDisposable
{
    private readonly IncarnationMarks _marks = new();
    private readonly ISteering _steering;
    private readonly OffloadHostOptions _options;
    private readonly ILogger _logger;

    /// <exception cref="OffloadHostException">When this process may not steer frames here.</exception>
    public ToeFactory(OffloadHostOptions options, ILogger logger)
    {
        (_options, _logger) = (options, logger);
        try
        {
            HostFences fences = options.Fences;
            _steering = SteeringFactory.Create(
                () => fences.UseBpf
                    ? new BpfSteering(_marks, fences.Parts, BpfSteering.DefaultMaxFlows)
                    : throw new SteeringUnavailableException("switched off"),
                why => new NfTablesSteering(why.Message, fences.Parts));
        }
        catch (SteeringUnavailableException e)
        {
            throw new OffloadHostException(e.Message, e);
        }
    }

    /// <summary>What steers, in one line.</summary>
    public string Steering => _steering.Description;

    /// <summary>How many flows the steering gives to TOEs at this moment; null where it cannot count them.</summary>
    public int? CountFlows() => (_steering as BpfSteering)?.CountFlows();

    /// <exception cref="OffloadHostException">When there is no such interface or it may not be used.</exception>
    public ToeUnit Create(ToeOptions toe, HostCore core, bool isOnlyOne)
    {
        uint mark = _marks.Next();
        PacketLink? packets = null;
        try
        {
            packets = PacketLink.Open(toe.Interface, new PacketLinkOptions
            {
                OwnedMark = mark,
                Queues = _options.CaptureFile is null ? _options.ReceiveQueues : 1,
                BusyPoll = new Microseconds((long)_options.BusyPoll.TotalMicroseconds),
            });
            ILink link = Capture(packets, isOnlyOne);
            _steering.Attach(packets.InterfaceIndex);
            var engine = new OffloadEngine(core.System, new OffloadEngineOptions
            {
                Name = toe.Name ?? toe.Interface,
                Link = link,
                Buffers = core.Buffers,
                ToHost = core.FromToes,
                Host = core.Line.Supervisor,
                Capacity = _options.ToeCapacity,
                Requests = _options.UploadRequests,
                Logger = _logger,
            });
            engine.Start();
            Log.ToeStarted(_logger, engine.Name, toe.Interface, _steering.Description);
            return new ToeUnit(engine, new SteeredGate(engine, _steering, mark), packets.InterfaceIndex);
        }
        catch (Exception e) when (e is LinkException or SteeringException or NetlinkException)
        {
            packets?.Dispose();
            throw new OffloadHostException(e.Message, e);
        }
    }

    /// <summary>Ends the steering; every flow was released before.</summary>
    public void Dispose() => _steering.Dispose();

    private ILink Capture(ILink link, bool isOnlyOne)
    {
        if (_options.CaptureFile is not { } file)
        {
            return link;
        }

        string own = isOnlyOne
            ? file
            : Path.Combine(Path.GetDirectoryName(file) ?? string.Empty,
                $"{Path.GetFileNameWithoutExtension(file)}.{link.Name}{Path.GetExtension(file)}");
        return new CapturingLink(
            link, own, new CaptureOptions(), TimeProvider.System, _options.LoggerFactory.CreateLogger<CapturingLink>());
    }
}

using System.Reflection;
using TcpActors.Specs.Kernel;
using Xunit.Sdk;

namespace TcpActors.Specs.Claims;

/// <summary>Which host a claim is shown on.</summary>
public enum HostKind
{
    /// <summary>The host's TCP is this project's own; the peer is another such host, on an in-memory link.</summary>
    Managed,

    /// <summary>The host's TCP is the Linux kernel's, and so is the peer's, in network namespaces on a veth pair.</summary>
    Kernel,
}

/// <summary>The claim is shown on the managed host.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnManagedHostAttribute : DataAttribute
{
    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[HostKind.Managed]];
}

/// <summary>The claim is shown on the kernel host. Skipped, with the reason, where network namespaces cannot be made.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnKernelHostAttribute : DataAttribute
{
    public OnKernelHostAttribute() => Skip = KernelRights.Missing;

    public override IEnumerable<object[]> GetData(MethodInfo testMethod) => [[HostKind.Kernel]];
}

using System.IO.Pipes;
using System.Runtime.InteropServices;
using TcpActors.Engine.State;
using TcpActors.Transport.Linux;
using Xunit;

namespace TcpActors.Specs.Kernel;

/// <summary>Where the receiving thread sleeps.</summary>
public sealed class PacketWaiterSpecs
{
    [KernelFact]
    public void A_wake_up_that_comes_with_an_error_does_not_swallow_it()
    {
        using var waiter = new PacketWaiter("spec");
        bool isOver = false;
        var waker = new Thread(() =>
        {
            while (!Volatile.Read(ref isOver))
            {
                waiter.Wake();
            }
        });
        waker.Start();
        try
        {
            for (int i = 0; i < 200; i++)
            {
                // Nobody reads from it: its writing end has an error to tell, once.
                using var pipe = new AnonymousPipeServerStream(PipeDirection.Out);
                pipe.DisposeLocalCopyOfClientHandle();
                using var descriptor = new PacketDescriptor();
                Marshal.InitHandle(descriptor, pipe.SafePipeHandle.DangerousGetHandle());
                waiter.Watch(descriptor, "spec");
                int waits = 0;
                while (waiter.Wait(Microseconds.Zero) != PacketWait.Error)
                {
                    Assert.True(++waits < 100_000, $"the error of pipe {i} was not told");
                }

                descriptor.SetHandleAsInvalid();
            }
        }
        finally
        {
            Volatile.Write(ref isOver, true);
            waker.Join();
        }
    }
}

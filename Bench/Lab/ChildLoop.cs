using System.Globalization;
using System.Text.Json;
using TcpActors.Bench.Rows;
using TcpActors.Bench.Serving;
using TcpActors.Transport.Linux;

namespace TcpActors.Bench.Lab;

/// <summary>What a child of the bench does all its life: read an order, carry it out, answer.</summary>
internal static class ChildLoop
{
    /// <summary>The word on the command line that makes this program a child; its parent's process id follows.</summary>
    public const string Verb = "child";

    public static async Task<int> RunAsync(string parent)
    {
        ParentProcess.DieWith(int.Parse(parent, CultureInfo.InvariantCulture));

        // Answers only: whatever else somebody prints goes where people read.
        TextWriter answers = Console.Out;
        Console.SetOut(Console.Error);
        IServing? serving = null;
        while (await Console.In.ReadLineAsync() is { } line)
        {
            ChildAnswer answer;
            try
            {
                ChildOrder order = JsonSerializer.Deserialize<ChildOrder>(line)!;
                Row row = Catalogue.Find(order.Row);
                object value = order.Do switch
                {
                    ChildOrder.Serve => (serving = await row.ServeAsync(order.On)).EndPoint.ToString(),
                    ChildOrder.Load => row.Load(order.Order!),
                    _ => await serving!.AskAsync(order.Question!),
                };
                answer = new ChildAnswer(null, JsonSerializer.SerializeToElement(value));
            }
#pragma warning disable CA1031 // Told to the coordinator, which ends the row.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                answer = new ChildAnswer(
                    failure is BenchException ? failure.Message : failure.ToString(), JsonSerializer.SerializeToElement<object?>(null));
            }

            await answers.WriteLineAsync(JsonSerializer.Serialize(answer));
            await answers.FlushAsync();
        }

        return 0;
    }
}

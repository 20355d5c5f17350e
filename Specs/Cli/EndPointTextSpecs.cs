using System.Net;
using TcpActors.Cli.Parsing;
using Xunit;

namespace TcpActors.Specs.Cli;

public sealed class EndPointTextSpecs
{
    [Theory]
    [InlineData("10.0.0.1:80", "10.0.0.1", 80)]
    [InlineData("0.0.0.0:0", "0.0.0.0", 0)]
    [InlineData("[fd00::1]:65535", "fd00::1", 65535)]
    [InlineData("[::]:80", "::", 80)]
    [InlineData("[fe80::1%1]:80", "fe80::1%1", 80)]
    public void Both_families_are_understood(string text, string address, int port)
        => Assert.Equal(new IPEndPoint(IPAddress.Parse(address), port), EndPointText.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData(":80")]
    [InlineData("10.0.0.1:")]
    [InlineData("10.0.0.1:-1")]
    [InlineData("10.0.0.1:65536")]
    [InlineData("10.0.0.1:+80")]
    [InlineData("1:80")]
    [InlineData("10.0.0.256:80")]
    [InlineData("fd00::1:80")]
    [InlineData("[fd00::1]")]
    [InlineData("[fd00::g]:80")]
    public void What_could_be_misread_is_refused(string text) => Assert.Throws<FormatException>(() => EndPointText.Parse(text));
}

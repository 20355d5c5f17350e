namespace TcpActors.Specs;

public class P { [Xunit.Fact] public void A() { Xunit.Assert.Equal(2, 1 + 1); } }

using System.Globalization;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TcpActors.Mutation;

/// <summary>The mistakes that are made, those of the literature (Offutt and others, 1996) and of Stryker.NET: as changes of the text, of which the compiler refuses some.</summary>
internal static class Mutators
{
    private static readonly Dictionary<SyntaxKind, string[]> Operators = new()
    {
        [SyntaxKind.LessThanToken] = ["<=", ">="],
        [SyntaxKind.LessThanEqualsToken] = ["<", ">"],
        [SyntaxKind.GreaterThanToken] = [">=", "<="],
        [SyntaxKind.GreaterThanEqualsToken] = [">", "<"],
        [SyntaxKind.EqualsEqualsToken] = ["!="],
        [SyntaxKind.ExclamationEqualsToken] = ["=="],
        [SyntaxKind.PlusToken] = ["-"],
        [SyntaxKind.MinusToken] = ["+"],
        [SyntaxKind.AsteriskToken] = ["/"],
        [SyntaxKind.SlashToken] = ["*"],
        [SyntaxKind.PercentToken] = ["*"],
        [SyntaxKind.AmpersandAmpersandToken] = ["||"],
        [SyntaxKind.BarBarToken] = ["&&"],
        [SyntaxKind.AmpersandToken] = ["|"],
        [SyntaxKind.BarToken] = ["&"],
        [SyntaxKind.CaretToken] = ["&"],
        [SyntaxKind.LessThanLessThanToken] = [">>"],
        [SyntaxKind.GreaterThanGreaterThanToken] = ["<<"],
        [SyntaxKind.PlusEqualsToken] = ["-=", "="],
        [SyntaxKind.MinusEqualsToken] = ["+=", "="],
        [SyntaxKind.BarEqualsToken] = ["&=", "="],
        [SyntaxKind.AmpersandEqualsToken] = ["|=", "="],
        [SyntaxKind.CaretEqualsToken] = ["="],
        [SyntaxKind.PlusPlusToken] = ["--"],
        [SyntaxKind.MinusMinusToken] = ["++"],
    };

    /// <summary>Every mistake that can be made in a file, in the order of its text.</summary>
    public static IEnumerable<Mutant> Of(SyntaxTree source, string path)
    {
        foreach (SyntaxNode node in source.GetRoot().DescendantNodes(node => node is not AttributeListSyntax))
        {
            foreach ((SyntaxNodeOrToken place, string text, string kind) in At(node))
            {
                yield return new Mutant(source, path, place.Span, text, kind);
            }
        }
    }

    private static IEnumerable<(SyntaxNodeOrToken Place, string Text, string Operator)> At(SyntaxNode node) => node switch
    {
        BinaryExpressionSyntax binary => Replaced(binary.OperatorToken),
        AssignmentExpressionSyntax assignment => Replaced(assignment.OperatorToken),
        RelationalPatternSyntax pattern => Replaced(pattern.OperatorToken),
        PostfixUnaryExpressionSyntax step => Replaced(step.OperatorToken),
        PrefixUnaryExpressionSyntax negation when negation.IsKind(SyntaxKind.LogicalNotExpression) =>
            [(negation, negation.Operand.ToString(), "negation left out")],
        PrefixUnaryExpressionSyntax step => Replaced(step.OperatorToken),
        LiteralExpressionSyntax literal => Literal(literal),
        IfStatementSyntax branch => [Negated(branch.Condition)],
        WhileStatementSyntax loop => [Negated(loop.Condition)],
        ConditionalExpressionSyntax choice => [Negated(choice.Condition)],
        WhenClauseSyntax clause => [Negated(clause.Condition)],
        ExpressionStatementSyntax statement => [(statement, ";", "statement left out")],
        BreakStatementSyntax statement when statement.Parent is not SwitchSectionSyntax => [(statement, ";", "statement left out")],
        ContinueStatementSyntax statement => [(statement, ";", "statement left out")],
        ReturnStatementSyntax { Expression: null } statement => [(statement, ";", "statement left out")],
        ReturnStatementSyntax { Expression: not RefExpressionSyntax } statement => Default(statement.Expression!),
        ArrowExpressionClauseSyntax { Expression: not RefExpressionSyntax } body => Default(body.Expression),
        MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Min", Parent: InvocationExpressionSyntax } access =>
            [(access.Name, "Max", "minimum and maximum")],
        MemberAccessExpressionSyntax { Name.Identifier.ValueText: "Max", Parent: InvocationExpressionSyntax } access =>
            [(access.Name, "Min", "minimum and maximum")],
        _ => [],
    };

    private static IEnumerable<(SyntaxNodeOrToken Place, string Text, string Operator)> Replaced(SyntaxToken token) =>
        Operators.GetValueOrDefault(token.Kind(), []).Select(other => ((SyntaxNodeOrToken)token, other, "operator"));

    private static (SyntaxNodeOrToken Place, string Text, string Operator) Negated(ExpressionSyntax condition) =>
        (condition, $"!({condition})", "condition negated");

    private static IEnumerable<(SyntaxNodeOrToken Place, string Text, string Operator)> Default(ExpressionSyntax expression) =>
        expression.Kind() is SyntaxKind.DefaultLiteralExpression or SyntaxKind.ThrowExpression
            ? []
            : [(expression, "default", "default returned")];

    private static IEnumerable<(SyntaxNodeOrToken Place, string Text, string Operator)> Literal(LiteralExpressionSyntax literal)
    {
        switch (literal.Kind())
        {
            case SyntaxKind.TrueLiteralExpression:
                yield return (literal, "false", "constant");
                break;
            case SyntaxKind.FalseLiteralExpression:
                yield return (literal, "true", "constant");
                break;
            case SyntaxKind.NumericLiteralExpression:
                yield return (literal, $"({literal} + 1)", "constant");
                if (Convert.ToDouble(literal.Token.Value, CultureInfo.InvariantCulture) > 0)
                {
                    yield return (literal, $"({literal} - 1)", "constant");
                }

                break;
        }
    }
}

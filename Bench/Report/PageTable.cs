using System.Text;
using Spectre.Console;

namespace TcpActors.Bench.Report;

/// <summary>A table that is shown on the terminal and written into a page.</summary>
internal sealed class PageTable(params string[] columns)
{
    private readonly List<string[]> _rows = [];

    /// <param name="cells">One for each column.</param>
    public void Add(params string[] cells) => _rows.Add(cells);

    public Table OnTerminal()
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach (string column in columns)
        {
            table.AddColumn(new TableColumn(new Text(column)));
        }

        _rows.ForEach(cells => table.AddRow([.. cells.Select(cell => new Text(cell))]));
        return table;
    }

    /// <summary>As Markdown.</summary>
    public string OnPage()
    {
        var text = new StringBuilder();
        foreach (string[] cells in (IEnumerable<string[]>)[columns, [.. columns.Select(_ => "---")], .. _rows])
        {
            text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");
        }

        return text.ToString();
    }
}

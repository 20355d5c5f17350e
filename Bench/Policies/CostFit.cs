namespace TcpActors.Bench.Policies;

/// <summary>The straight lines nearest to what was measured.</summary>
internal static class CostFit
{
    /// <summary>
    /// Least squares, each row weighted so that it counts by its relative error; negative coefficients, which no cost has, are left out and the others found anew.
    /// </summary>
    /// <param name="rows">What was done; as many numbers in each.</param>
    /// <param name="costs">What it cost; all above zero.</param>
    public static double[] Solve(IReadOnlyList<double[]> rows, IReadOnlyList<double> costs)
    {
        bool[] used = [.. rows[0].Select(_ => true)];
        while (true)
        {
            double[] solved = Solve(rows, costs, used);
            int worst = Enumerable.Range(0, solved.Length).Where(i => used[i]).MinBy(i => solved[i] * rows.Max(row => row[i]), Comparer<double>.Default);
            if (solved[worst] >= 0)
            {
                return solved;
            }

            used[worst] = false;
        }
    }

    private static double[] Solve(IReadOnlyList<double[]> rows, IReadOnlyList<double> costs, bool[] used)
    {
        int n = used.Length;
        double[,] normal = new double[n, n + 1];
        for (int row = 0; row < rows.Count; row++)
        {
            for (int i = 0; i < n; i++)
            {
                double left = used[i] ? rows[row][i] / costs[row] : 0;
                for (int j = 0; j < n; j++)
                {
                    normal[i, j] += left * (used[j] ? rows[row][j] / costs[row] : 0);
                }

                normal[i, n] += left;
            }
        }

        for (int i = 0; i < n; i++)
        {
            normal[i, i] = used[i] ? normal[i, i] : 1;
        }

        return Eliminate(normal);
    }

    private static double[] Eliminate(double[,] matrix)
    {
        int n = matrix.GetLength(0);
        for (int i = 0; i < n; i++)
        {
            // Positive definite: the diagonal is a pivot, and is scaled by itself.
            for (int below = 0; below < n; below++)
            {
                double factor = below == i ? 0 : matrix[below, i] / matrix[i, i];
                for (int column = i; column <= n; column++)
                {
                    matrix[below, column] -= factor * matrix[i, column];
                }
            }
        }

        return [.. Enumerable.Range(0, n).Select(i => matrix[i, n] / matrix[i, i])];
    }
}

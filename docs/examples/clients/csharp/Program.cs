// Takes the id of a webhook, and a document by id or as JSON. Prints the call's outcome and result:
//   FORGEHOOK_URL=http://127.0.0.1:8080 FORGEHOOK_API_KEY=fh_... mono example.exe 48100 9001
using System;
using System.Threading.Tasks;

static class Program
{
    static int Main(string[] args) => Run(args).GetAwaiter().GetResult();

    static async Task<int> Run(string[] args)
    {
        // The document is JSON already and needs no serialiser.
        var forgehook = new ForgehookClient(Environment.GetEnvironmentVariable("FORGEHOOK_URL"),
            Environment.GetEnvironmentVariable("FORGEHOOK_API_KEY"), json => (string)json);
        var document = args[1].StartsWith("{") ? (object)args[1] : int.Parse(args[1]);
        try
        {
            var call = await forgehook.CallWebHookAsync(srcdoc: document, webHookServiceId: int.Parse(args[0]));
            Console.WriteLine("outcome: " + call.Outcome);
            Console.WriteLine("result: " + call.Result);
            if (call.Error != null) Console.WriteLine("error: " + call.Error);
            return 0;
        }
        catch (ForgehookException problem)
        {
            Console.Error.WriteLine("problem " + problem.Code + ": " + problem.Message);
            return 1;
        }
    }
}

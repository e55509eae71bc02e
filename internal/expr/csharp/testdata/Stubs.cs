// What the golden programs need of the platform's classes and of .NET 8, for Mono.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Reflection;
using System.Text;

static partial class Golden
{
    static void Run(Func<object> f)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        string value = "", error = "";
        try { value = Text(f()); }
        catch (Exception e) { error = e.GetType().Name; }
        Console.WriteLine("{\"value\":" + Quote(value) + ",\"error\":" + Quote(error) + "}");
    }

    static string Text(object o) => o == null ? "" : o is IFormattable ? ((IFormattable)o).ToString(null, CultureInfo.InvariantCulture) : o.ToString();

    static string Quote(string s)
    {
        var b = new StringBuilder("\"");
        foreach (var c in s)
            if (c == '"' || c == '\\' || c < ' ' || c > '~') b.Append("\\u" + ((int)c).ToString("x4")); else b.Append(c);
        return b.Append('"').ToString();
    }
}

// The platform's enums, as far as the expressions name them; the numbers are those of its models.
enum DocumentStatus { None = 0, Received = 3, Analyzed = 4, Processing = 8, Verification = 9, Processed = 10, Error = 90 }
enum UsageType { Definition = 0, Training = 1, Inbox = 2, Outbox = 3 }
[Flags] enum VerificationStatus { None = 0, Required = 1, Suspicious = 2, DefaultUsed = 4, Verified = 8, Bypassed = 16, Error = 32, Done = 64, Success = 128,
    RangeProblem = 256, IsValid = 512, Warnings = 1024, Service = 2048, Training = 4096, Scripted = 8192, Deleted = 16384, Abort = 32768 }
enum VerificationType { None = 0, Provider = 1, System = 2, User = 3 }
enum ValueType { None = 0, String = 1, Number = 2, Currency = 3, DateTime = 5 }
enum Availability { Hidden = 9, Deleted = 99 }

class Project { public int Id; public string Name, Comment, Description; }
class Service { public int Id; public string Name, Label; public int? Index; }
class Category { public int Id; public string Name; }
class ParameterDef { public int Id; public string Name, Label; public ValueType ValueType; }

class Verification
{
    public int Id, ParameterId;
    public string Value, UserName, Provider, Comment;
    public DateTime DT;
    public double? Confidence;
    public VerificationType Type;
    public VerificationStatus Status;
}

class DocumentParameter
{
    public int Id;
    public int? ParamDefId, Index;
    public string Value;
    public ParameterDef ParamDef;
    public List<DocumentParameter> Children = new List<DocumentParameter>();
    public List<Verification> Verifications = new List<Verification>();
    public Verification LastVerification => Verifications.OrderBy(v => v.DT).ThenBy(v => v.Id).LastOrDefault();
}

class Document
{
    public int Id, ProjectId, ServiceId;
    public DocumentStatus Status;
    public UsageType Usage;
    public int? ClassId, MasterId, ResultIndex;
    public Availability? Availability;
    public DocumentStatus? LatestChildStatus;
    public string ContentType, Filename, FileType, ExternalId, Result, ResultId, Comment, UserId;
    public DateTime DTC, DTM;
    public Project Project;
    public Category Class;
    public List<DocumentParameter> ResultParameters = new List<DocumentParameter>();
    public DocumentParameter GetValue(string name) => All(ResultParameters).FirstOrDefault(p => p.ParamDef?.Name == name);
    public static IEnumerable<DocumentParameter> All(IEnumerable<DocumentParameter> from) => from.SelectMany(p => new[] { p }.Concat(All(p.Children)));
}

class WorkItem { public int Id; public DateTime? DueDate, Closed; public TimeSpan? Duration; public string Comment; }

class Module
{
    public DocumentParameter FindParameter(int defId) => Document.All(Golden.doc.ResultParameters).FirstOrDefault(p => p.ParamDefId == defId);
    public List<DocumentParameter> GetParameters(Document doc, int defId) => Document.All(doc.ResultParameters).Where(p => p.ParamDefId == defId).ToList();
    public Document GetDocumentMaster(Document doc) => Golden.master;
    public Category GetClass(int? id) => Golden.doc.Class;
}

static class JsonSerializer
{
    // What System.Text.Json writes, for what anonymous objects hold.
    public static string Serialize(object o)
    {
        if (o == null) return "null";
        if (o is string) return Text((string)o);
        if (o is char) return Text(o.ToString());
        if (o is bool) return (bool)o ? "true" : "false";
        if (o is Enum) return Convert.ToInt64(o).ToString();
        if (o is DateTime) return "\"" + ((DateTime)o).ToString("yyyy-MM-ddTHH:mm:ss.FFFFFFFK", CultureInfo.InvariantCulture) + "\"";
        if (o is TimeSpan) return "\"" + ((TimeSpan)o).ToString("c") + "\"";
        if (o is double)
        {
            if (double.IsNaN((double)o) || double.IsInfinity((double)o)) throw new ArgumentException();
            return ((double)o).ToString("R", CultureInfo.InvariantCulture);
        }
        if (o is IFormattable) return ((IFormattable)o).ToString(null, CultureInfo.InvariantCulture);
        if (o is IEnumerable) return "[" + string.Join(",", ((IEnumerable)o).Cast<object>().Select(Serialize)) + "]";
        return "{" + string.Join(",", o.GetType().GetProperties().Select(p => Text(p.Name) + ":" + Serialize(p.GetValue(o)))) + "}";
    }

    static string Text(string s)
    {
        var b = new StringBuilder("\"");
        foreach (var c in s)
        {
            int i = "\b\t\n\f\r\\".IndexOf(c);
            if (i >= 0) b.Append('\\').Append("btnfr\\"[i]);
            else if (c < ' ' || c > '~' || "\"&'+<>`".IndexOf(c) >= 0) b.Append("\\u" + ((int)c).ToString("X4"));
            else b.Append(c);
        }
        return b.Append('"').ToString();
    }
}

static partial class Golden
{
    static DateTime At(string s) => DateTime.Parse(s, CultureInfo.InvariantCulture, DateTimeStyles.AdjustToUniversal);

    public static readonly Project project = new Project { Id = 1001, Name = "Invoices \"A\" & <B>" };
    public static readonly Service service = new Service { Id = 48072, Name = "OCR" };
    public static readonly Category category = new Category { Id = 3307, Name = "Invoice" };
    public static readonly Document master = new Document { Id = 911, Status = DocumentStatus.Received, Usage = UsageType.Inbox, Filename = "scan.pdf", DTC = At("2026-01-05T07:29:00Z") };

    public static readonly Document doc = new Document
    {
        Id = 912, ProjectId = 1001, ServiceId = 48072, Status = DocumentStatus.Verification, Usage = UsageType.Outbox, ClassId = 3307, MasterId = 911,
        ContentType = "application/pdf", Filename = "Inv-0042_\u00e9\ud83d\ude00.PDF", FileType = "pdf", DTC = At("2026-01-05T07:30:00Z"), DTM = At("2026-01-05T07:31:02.25Z"),
        ExternalId = "PO-7", ResultId = "run-1", Result = " a, b;;c ,\t", Project = project, Class = category, LatestChildStatus = (DocumentStatus)77,
        ResultParameters = new List<DocumentParameter> {
            new DocumentParameter { Id = 50, ParamDefId = 179804, Value = "118.40", Index = 3, ParamDef = new ParameterDef { Id = 179804, Name = "Total", Label = "Total", ValueType = ValueType.Currency },
                Verifications = new List<Verification> {
                    new Verification { Id = 70, ParameterId = 50, Value = "118.40", DT = At("2026-01-05T07:31:02Z"), Confidence = 0.62, Type = VerificationType.Provider, Status = VerificationStatus.Required | VerificationStatus.Suspicious, Provider = "OCR" },
                    new Verification { Id = 71, ParameterId = 50, Value = "118.4", DT = At("2026-01-05T07:30:30.1234567Z"), Type = VerificationType.User, UserName = "ann" } } },
            new DocumentParameter { Id = 51, ParamDefId = 179805, Value = null, ParamDef = new ParameterDef { Id = 179805, Name = "Supplier", Label = null, ValueType = ValueType.String } },
            new DocumentParameter { Id = 52, ParamDefId = 179806, Value = "b", Index = 1, ParamDef = new ParameterDef { Id = 179806, Name = "Code", Label = "Kode", ValueType = ValueType.String } },
            new DocumentParameter { Id = 60, ParamDefId = 179810, Index = 2, ParamDef = new ParameterDef { Id = 179810, Name = "Lines", Label = "Lines" },
                Children = new List<DocumentParameter> {
                    new DocumentParameter { Id = 61, ParamDefId = 179811, Value = "Bolts M6", ParamDef = new ParameterDef { Id = 179811, Name = "Text", Label = "Text" } },
                    new DocumentParameter { Id = 62, ParamDefId = 179811, Value = "Nuts" } } } }
    };

    public static readonly DocumentParameter par = doc.ResultParameters[0];
    public static readonly ParameterDef def = par.ParamDef;
    public static readonly Verification verification = par.Verifications[0];
    public static readonly WorkItem wi = new WorkItem { Id = 5, DueDate = At("2026-01-06T07:30:00.5Z"), Duration = TimeSpan.Parse("1.02:03:04") };
    public static readonly List<Document> docs = new List<Document> { doc };
    public static readonly Module module = new Module();
}

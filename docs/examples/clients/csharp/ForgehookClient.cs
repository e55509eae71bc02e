// CallWebHookAsync for scripts, with the platform's arguments, on Forgehook. Copy this file: it
// needs only the base class library (.NET Framework 4.7.2, .NET 6, Mono 6 or later) and C# 7.
// Arguments that you leave out are null or taken from the document:
//
//     var forgehook = new ForgehookClient("https://forgehook.example.com", key, o => JsonSerializer.Serialize(o));
//     var result = await forgehook.CallWebHookAsync(srcdoc: doc, webHookServiceId: 48100);
//     if (result.Outcome == "delivered") logger.LogInformation(result.Result);
//
// Entities that Forgehook stores may be given by id (srcdoc: doc.Id), without a serialiser. For
// entities that refer to each other in circles, give the serialiser ReferenceHandler.IgnoreCycles.
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Http;
using System.Runtime.Serialization.Json;
using System.Text;
using System.Threading.Tasks;
using System.Xml;
using System.Xml.Linq;

/// <summary>The state of a call. While Outcome is null, it is running.</summary>
public sealed class WebHookResult
{
    public string Id { get; internal set; }
    public string Status { get; internal set; }
    /// <summary>delivered, skipped, failed, canceled or expired.</summary>
    public string Outcome { get; internal set; }
    /// <summary>Of the endpoint's last response; null if none.</summary>
    public int? StatusCode { get; internal set; }
    /// <summary>JSON: what response.result made of the response, or the result of the callback.
    /// "null" if there is neither.</summary>
    public string Result { get; internal set; }
    /// <summary>Why it failed, as "http_400: ..."; null if it did not.</summary>
    public string Error { get; internal set; }
    /// <summary>All calls that were made: more than one only without a webHookServiceId.</summary>
    public IReadOnlyList<WebHookResult> All { get; internal set; }
}

/// <summary>A request that the API refused or could not serve. Code is stable; Errors lists the
/// faults of the request.</summary>
public sealed class ForgehookException : Exception
{
    public int Status { get; }
    public string Code { get; }
    public IReadOnlyList<string> Errors { get; }

    internal ForgehookException(int status, string code, string text, IReadOnlyList<string> errors)
        : base(status + " " + string.Join("; ", new[] { text }.Concat(errors)))
    {
        Status = status; Code = code; Errors = errors;
    }
}

/// <summary>Talks to one API with one key. Reuse it; it is thread-safe.</summary>
public sealed class ForgehookClient
{
    const int WaitSeconds = 50; // of one request: many proxies cut it after 60, HttpClient after 100
    const int Retries = 5;      // after 0.2, 0.4, 0.8, 1.6 and 3.2 s

    // The API never redirects, and a followed redirect would send the key to another host.
    // .NET Framework would allow only two connections for all waiting calls.
    readonly HttpClient http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, MaxConnectionsPerServer = 256 });
    readonly string url, key;
    readonly Func<object, string> serialize;

    public ForgehookClient(string url, string apiKey, Func<object, string> serialize = null)
    {
        this.url = url.TrimEnd('/'); key = apiKey; this.serialize = serialize;
    }

    /// <summary>Calls one webhook, or without webHookServiceId every enabled webhook of the document's
    /// service, and waits for the outcomes. The same idempotencyKey returns the same call, even after
    /// a crash; without one, retries share a new key. A failure of the endpoint is an outcome. Throws
    /// ForgehookException or, without a response, HttpRequestException. Returns null if the service
    /// has no enabled webhook.</summary>
    public async Task<WebHookResult> CallWebHookAsync(object srcdoc, object masterdoc = null, object par = null, object def = null,
        object verification = null, object wi = null, int? webHookServiceId = null, TimeSpan? wait = null, string idempotencyKey = null)
    {
        var until = wait == null ? DateTime.MaxValue : DateTime.UtcNow + wait.Value;
        var subject = new[] { Member("document", srcdoc), Member("masterDocument", masterdoc), Member("parameter", par),
            Member("parameterDef", def), Member("verification", verification), Member("workItem", wi),
            webHookServiceId == null ? null : "\"webHookServiceId\":" + webHookServiceId };
        var body = "{" + string.Join(",", subject.Where(member => member != null)) + "}";
        var response = await Send(HttpMethod.Post, "/v1/calls", until, body, idempotencyKey ?? Guid.NewGuid().ToString()).ConfigureAwait(false);
        var all = new List<WebHookResult>();
        foreach (var accepted in response.Element("calls").Elements())
        {
            var call = accepted;
            while (Text(call, "outcome") == null && DateTime.UtcNow < until)
                call = await Send(HttpMethod.Get, "/v1/calls/" + Text(call, "id"), until).ConfigureAwait(false);
            var status = Text(call.Element("response"), "statusCode");
            all.Add(new WebHookResult {
                Id = Text(call, "id"), Status = Text(call, "status"), Outcome = Text(call, "outcome"), Result = Json(call.Element("result")),
                StatusCode = status == null ? (int?)null : int.Parse(status), All = all,
                Error = Text(call, "error") == null ? null : Text(call.Element("error"), "code") + ": " + Text(call.Element("error"), "message"),
            });
        }
        return all.FirstOrDefault();
    }

    async Task<XElement> Send(HttpMethod method, string path, DateTime until, string body = null, string idempotencyKey = null)
    {
        for (var retry = 0; ; retry++)
        {
            var pause = TimeSpan.FromMilliseconds(200 << retry);
            try
            {
                using (var request = new HttpRequestMessage(method, url + path))
                {
                    request.Headers.Add("X-Api-Key", key);
                    var seconds = Math.Ceiling(Math.Min(WaitSeconds, (until - DateTime.UtcNow).TotalSeconds));
                    if (seconds > 0) request.Headers.Add("Prefer", "wait=" + seconds);
                    if (idempotencyKey != null) request.Headers.Add("Idempotency-Key", idempotencyKey);
                    if (body != null) request.Content = new StringContent(body, Encoding.UTF8, "application/json");
                    using (var response = await http.SendAsync(request).ConfigureAwait(false))
                    {
                        var content = await response.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
                        if (response.IsSuccessStatusCode) return Parse(content);
                        var status = (int)response.StatusCode;
                        if (retry == Retries || status != 429 && status < 500) throw Problem(status, response.ReasonPhrase, content);
                        var after = response.Headers.RetryAfter?.Delta;
                        if (after > pause) pause = after.Value;
                    }
                }
            }
            catch (Exception e) when (retry < Retries && (e is HttpRequestException || e is IOException || e is WebException || e is TaskCanceledException))
            {
                // No response: the API may have got the request, so send the same again.
            }
            await Task.Delay(pause).ConfigureAwait(false);
        }
    }

    static ForgehookException Problem(int status, string reason, byte[] content)
    {
        try
        {
            var said = Parse(content);
            var errors = said.Element("errors")?.Elements().Select(e => Text(e, "location") + ": " + Text(e, "message"));
            return new ForgehookException(status, (Text(said, "type") ?? "").Replace("urn:forgehook:problem:", ""),
                Text(said, "title") + ": " + Text(said, "detail"), (errors ?? new string[0]).ToArray());
        }
        catch (XmlException) // a proxy's own page
        {
            return new ForgehookException(status, "", reason, new string[0]);
        }
    }

    /// <summary>An entity by id or whole.</summary>
    string Member(string name, object entity)
    {
        if (entity == null) return null;
        if (entity is int) return "\"" + name + "Id\":" + entity;
        if (serialize == null) throw new InvalidOperationException("ForgehookClient needs a serialiser to send entities");
        return "\"" + name + "\":" + serialize(entity);
    }

    // The base class library reads JSON as XML: an element with the attribute type, whose children
    // are the members.
    static XElement Parse(byte[] json)
    {
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(json, XmlDictionaryReaderQuotas.Max))
        {
            var read = XElement.Load(reader);
            // The reader puts an empty text into empty elements, which the writer accepts only in strings.
            foreach (var empty in read.DescendantsAndSelf().Where(e => !e.HasElements && e.Value == "").ToList()) empty.RemoveNodes();
            return read;
        }
    }

    static string Text(XElement parent, string member)
    {
        var found = parent?.Element(member);
        return found == null || (string)found.Attribute("type") == "null" ? null : found.Value;
    }

    static string Json(XElement value)
    {
        var json = new MemoryStream();
        using (var writer = JsonReaderWriterFactory.CreateJsonWriter(json, Encoding.UTF8, false))
            new XElement("root", value.Attributes(), value.Nodes()).WriteTo(writer);
        return Encoding.UTF8.GetString(json.ToArray());
    }
}

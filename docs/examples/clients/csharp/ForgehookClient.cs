// CallWebHookAsync for scripts, with the platform's arguments, on Forgehook. Copy this file: it needs the base class library only
// (.NET Framework 4.7.2, .NET 6, Mono 6 or later) and C# 7. What is not named in the call is null or taken from the document:
//
//     var forgehook = new ForgehookClient("https://forgehook.example.com", key, o => JsonSerializer.Serialize(o));
//     var result = await forgehook.CallWebHookAsync(srcdoc: doc, webHookServiceId: 48100);
//     if (result.Outcome == "delivered") logger.LogInformation(result.Result);
//
// Entities may also be given by their ids (srcdoc: doc.Id), if Forgehook has them; then no serialiser is needed. Where entities refer
// to each other in circles, give the serialiser ReferenceHandler.IgnoreCycles.
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

/// <summary>What became of a call. While Outcome is null it is under way.</summary>
public sealed class WebHookResult
{
    public string Id { get; internal set; }
    public string Status { get; internal set; }
    /// <summary>delivered, skipped, failed, canceled or expired.</summary>
    public string Outcome { get; internal set; }
    /// <summary>Of the endpoint's last answer; null where there was none.</summary>
    public int? StatusCode { get; internal set; }
    /// <summary>JSON: what the webhook's response.result made of the answer, or what the endpoint called back. "null" where neither is.</summary>
    public string Result { get; internal set; }
    /// <summary>Why it failed, as "http_400: ..."; null where it did not.</summary>
    public string Error { get; internal set; }
    /// <summary>Every call that was made: more than this one only where no webHookServiceId was given.</summary>
    public IReadOnlyList<WebHookResult> All { get; internal set; }
}

/// <summary>The API's answer when it did not do what was asked. Code is stable; Errors say what is wrong with the request.</summary>
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

/// <summary>Talks to one API with one key. Make one and keep it; it is safe for use by threads.</summary>
public sealed class ForgehookClient
{
    const int WaitSeconds = 50; // that one request waits: many proxies cut what says nothing for 60, and HttpClient after 100
    const int Retries = 5;      // after 0.2, 0.4, 0.8, 1.6 and 3.2 s

    // The API never redirects; following one would take the key elsewhere.
    readonly HttpClient http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false });
    readonly string url, key;
    readonly Func<object, string> serialize;

    public ForgehookClient(string url, string apiKey, Func<object, string> serialize = null)
    {
        this.url = url.TrimEnd('/'); key = apiKey; this.serialize = serialize;
    }

    /// <summary>Calls one webhook, or without webHookServiceId every enabled one of the document's service, and waits for the outcomes.
    /// The same idempotencyKey answers the same call, also after a crash; without one, retries share one of their own. A failure of the
    /// endpoint is an outcome; what is thrown is ForgehookException or, with no answer at all, HttpRequestException. Null where the
    /// service has no webhook that is enabled.</summary>
    public async Task<WebHookResult> CallWebHookAsync(object srcdoc, object masterdoc = null, object par = null, object def = null,
        object verification = null, object wi = null, int? webHookServiceId = null, TimeSpan? wait = null, string idempotencyKey = null)
    {
        var until = wait == null ? DateTime.MaxValue : DateTime.UtcNow + wait.Value;
        var subject = new[] { Member("document", srcdoc), Member("masterDocument", masterdoc), Member("parameter", par),
            Member("parameterDef", def), Member("verification", verification), Member("workItem", wi),
            webHookServiceId == null ? null : "\"webHookServiceId\":" + webHookServiceId };
        var body = "{" + string.Join(",", subject.Where(member => member != null)) + "}";
        var answer = await Send(HttpMethod.Post, "/v1/calls", until, body, idempotencyKey ?? Guid.NewGuid().ToString()).ConfigureAwait(false);
        var all = new List<WebHookResult>();
        foreach (var accepted in answer.Element("calls").Elements())
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
                    using (var answer = await http.SendAsync(request).ConfigureAwait(false))
                    {
                        var content = await answer.Content.ReadAsByteArrayAsync().ConfigureAwait(false);
                        if (answer.IsSuccessStatusCode) return Parse(content);
                        var status = (int)answer.StatusCode;
                        if (retry == Retries || status != 429 && status < 500) throw Problem(status, answer.ReasonPhrase, content);
                        var after = answer.Headers.RetryAfter?.Delta;
                        if (after > pause) pause = after.Value;
                    }
                }
            }
            catch (Exception e) when (retry < Retries && (e is HttpRequestException || e is IOException || e is WebException || e is TaskCanceledException))
            {
                // No answer: whether it was heard is unknown, so ask the same again.
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

    /// <summary>Names an entity by its id, or gives it whole.</summary>
    string Member(string name, object entity)
    {
        if (entity == null) return null;
        if (entity is int) return "\"" + name + "Id\":" + entity;
        if (serialize == null) throw new InvalidOperationException("ForgehookClient needs a serialiser to send entities");
        return "\"" + name + "\":" + serialize(entity);
    }

    // JSON as the base class library reads it without a package: an XML element with the attribute type, whose children are the members.
    static XElement Parse(byte[] json)
    {
        using (var reader = JsonReaderWriterFactory.CreateJsonReader(json, XmlDictionaryReaderQuotas.Max))
        {
            var read = XElement.Load(reader);
            // The reader leaves an empty text in what is empty, and the writer refuses to write that into what is no string.
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

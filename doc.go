// Package forgehook holds the words of Forgehook. It is data and rules of its shape only: no I/O,
// no clock, no expression language, so that the Go client and workflow code can import it at no
// cost. The names are the document platform's own.
//
// Here they are in the order in which a user meets them.
//
// A [Project] owns services. A [Service] is a stage that documents go through. A WebHook utility is
// attached to a service: it is a [Utility], and its id is the webHookServiceId that all calls name.
//
// What a utility does is its [Settings]: conditions, URL, headers, body, retries, what a response
// means. [SettingFields] declares each setting once, with its default, what is allowed and a
// sentence. [DecodeSettings] reads them and reports all faults at once; a [Secret] is never shown.
//
// A [Document] is what a webhook is about. Its fields are [DocumentParameter] values, described by
// a [ParameterDef] each, and a [Verification] says what was found out about one. What belongs to a
// call besides (master document, category, work item) makes up its [Subject].
//
// A [CallRequest] asks for calls. A [Call] is one invocation of one utility for one subject, frozen
// when the call is accepted. It lists every [Condition] with what was expected and found, and has a
// [CallStatus] until it has its one [Outcome]: delivered, skipped, failed, canceled or expired. A
// failed call has a [CallError], whose codes [CallErrors] explains.
//
// An [Attempt] is the record of one [Exchange] with the endpoint, a request and its response. A
// [Verdict] is what the exchange means, and a [Decision] what follows. A successful response can
// give the call a result and write to the document: a [WriteBack], shown as a list of [Change]. An
// endpoint that needs days takes the request and sends a [Callback] later.
//
// Nobody has to ask for a call. An [EventType] names something that happened; an [EventRequest]
// raises one, and a [Run] is the event with all calls that it fires.
//
// A [WorkItem] is a task for a person. A [WorkItemProcess] is a work item that waits for a call,
// for milliseconds or weeks, and moves on when the call has ended.
//
// What a caller did wrong is an [Error]: a [Code], a sentence, and a [FieldError] for each fault.
package forgehook

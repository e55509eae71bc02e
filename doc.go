// Package forgehook holds the words of Forgehook: data, and the rules of its shape. It has no I/O,
// no clock and no expression language, so the Go client and workflow code import it at no cost. The
// names are the document platform's own.
//
// The words follow in the order in which a user meets them.
//
// A [Project] owns services. A [Service] is a stage that documents go through. A WebHook utility is
// attached to a service: it is a [Utility], and its id is the webHookServiceId that all calls name.
//
// [Settings] say what a utility does: conditions, URL, headers, body, retries, the meaning of a
// response. [SettingFields] declares each setting once, with its default, its allowed values and a
// sentence. [DecodeSettings] reads them and reports all faults at once. A [Secret] is never shown.
//
// A [Document] is what a webhook is about. Its fields are [DocumentParameter] values, each
// described by a [ParameterDef]. A [Verification] is a statement about one field. A [Subject] is
// all that a call is about: the document with its master document, category and work item.
//
// A [CallRequest] asks for calls. A [Call] is one invocation of one utility for one subject, frozen
// when the call is accepted. It lists every [Condition] with the expected and the found value. Its
// [CallStatus] changes until it has its one [Outcome]: delivered, skipped, failed, canceled or
// expired. A failed call has a [CallError]; [CallErrors] explains the codes.
//
// An [Attempt] is the record of one [Exchange] with the endpoint: a request and its response. A
// [Verdict] says what the exchange means, a [Decision] what follows. A successful response can give
// the call a result and write to the document: a [WriteBack], shown as a list of [Change]. An
// endpoint that needs days takes the request and sends a [Callback] later.
//
// Calls can also follow events. An [EventType] names something that happened. An [EventRequest]
// raises an event, and a [Run] is the event with all calls that it fires.
//
// A [WorkItem] is a task for a person. A [WorkItemProcess] is a work item that waits for a call,
// for milliseconds or weeks, and moves on when the call ends.
//
// An [Error] tells a caller what was wrong: a [Code], a sentence and a [FieldError] per fault.
package forgehook

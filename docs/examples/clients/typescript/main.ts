// Takes the id of a webhook, and a document by id or as JSON. Prints the call's outcome and result:
//   FORGEHOOK_URL=http://127.0.0.1:8080 FORGEHOOK_API_KEY=fh_... node main.js 48100 9001
import { Client, Problem } from "./forgehook.ts";

const client = new Client(process.env.FORGEHOOK_URL!, process.env.FORGEHOOK_API_KEY!);
const [webhook, document] = process.argv.slice(2).map((argument) => JSON.parse(argument));
try {
  const call = await client.callWebhook(webhook, typeof document === "number" ? { documentId: document } : { document });
  console.log("outcome:", call.outcome);
  console.log("result:", JSON.stringify(call.result));
  if (call.error) console.log(`error: ${call.error.code}: ${call.error.message}`);
} catch (error) {
  if (!(error instanceof Problem)) throw error;
  console.error(`problem ${error.code}: ${error.message}`);
  process.exitCode = 1;
}

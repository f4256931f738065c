// OpenAI's own client for JavaScript.

import assert from "node:assert/strict";
import OpenAI from "openai";

const { EXO_URL, EXO_CALLER } = process.env;
const client = new OpenAI({ baseURL: `${EXO_URL}/v1`, apiKey: "unused", maxRetries: 0 });
const messages = [{ role: "user", content: "What is the weather?" }];
const parameters = {
  type: "object",
  properties: { city: { enum: ["Bern", "Oslo"] }, days: { type: "integer", minimum: 1, maximum: 9 } },
  required: ["city", "days"],
  additionalProperties: false,
};
const tools = [{ type: "function", function: { name: "weather", parameters } }];
const asked = { model: EXO_CALLER, messages };
const required = { ...asked, tools, tool_choice: "required", parallel_tool_calls: false, seed: 1 };

function checkWeather(text) {
  const read = JSON.parse(text);
  assert(["Bern", "Oslo"].includes(read.city));
  assert(read.days >= 1 && read.days <= 9);
}

async function untilIdle() {
  for (let left = 40; left > 0; left--) {
    const state = await (await fetch(`${EXO_URL}/state`)).json();
    if (Object.values(state.runners).every((runner) => runner.status !== "busy")) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  assert.fail("the model still works for a client that went away");
}

const parts = {
  async plain() {
    const answer = await client.chat.completions.create({ ...asked, temperature: 0, max_tokens: 12 });
    assert(answer.choices[0].message.content);
    assert.equal(answer.usage.completion_tokens, 12);
  },
  async streamed() {
    const settings = { ...asked, temperature: 0, max_tokens: 12 };
    const whole = await client.chat.completions.create(settings);
    let text = "";
    for await (const chunk of await client.chat.completions.create({ ...settings, stream: true })) {
      text += chunk.choices[0]?.delta?.content ?? "";
    }
    assert.equal(text, whole.choices[0].message.content);
  },
  async tools() {
    const { message, finish_reason } = (await client.chat.completions.create(required)).choices[0];
    assert.equal(finish_reason, "tool_calls");
    assert.equal(message.content, null);
    checkWeather(message.tool_calls[0].function.arguments);
    const streamed = await client.chat.completions.stream(required).finalMessage();
    assert.equal(streamed.tool_calls[0].function.arguments, message.tool_calls[0].function.arguments);
    const told = { role: "tool", tool_call_id: message.tool_calls[0].id, content: "rain" };
    await client.chat.completions.create({ ...asked, messages: [...messages, message, told], tools, max_tokens: 20 });
  },
  async structured() {
    const schema = { name: "weather", strict: true, schema: parameters };
    const answer = await client.chat.completions.create({
      ...asked,
      response_format: { type: "json_schema", json_schema: schema },
    });
    checkWeather(answer.choices[0].message.content);
  },
  async errors() {
    await assert.rejects(client.chat.completions.create({ ...asked, model: "nobody/knows" }), OpenAI.NotFoundError);
    await assert.rejects(client.chat.completions.create({ ...asked, temperature: -1 }), OpenAI.BadRequestError);
  },
  async cancelled() {
    const stream = await client.chat.completions.create({ ...asked, stream: true, ignore_eos: true });
    for await (const _ of stream) break;
    await untilIdle();
    const leaving = new AbortController();
    const whole = client.chat.completions.create({ ...asked, ignore_eos: true }, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 200);
    await assert.rejects(whole, OpenAI.APIUserAbortError);
    await untilIdle();
  },
};

for (const [name, part] of Object.entries(parts)) {
  await part();
  console.log(`ok ${name}`);
}

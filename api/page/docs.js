"use strict";

// Shows /openapi.json: every operation with its parameters, body, answers and examples.

const element = (name, ...children) => {
  const e = document.createElement(name);
  e.append(...children.filter((child) => child !== null && child !== undefined));
  return e;
};

const details = (title, ...children) => element("details", element("summary", title), ...children);

const json = (value) => element("pre", JSON.stringify(value, null, 2));

function resolve(document, value) {
  if (!value || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, name) => at[name], document);
}

function typeOf(schema) {
  if (!schema) return "";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.enum) return schema.enum.join(" | ");
  for (const several of ["anyOf", "allOf", "oneOf"]) {
    if (schema[several]) return schema[several].map(typeOf).join(several === "allOf" ? " & " : " | ");
  }
  if (schema.items) return typeOf(schema.items) + "[]";
  return [].concat(schema.type || "any").join(" | ") + (schema.format ? ` (${schema.format})` : "");
}

function rows(heads, lines) {
  const head = element("tr", ...heads.map((h) => element("th", h)));
  return element("table", head, ...lines.map((line) => element("tr", ...line.map((cell) => element("td", cell)))));
}

// members lists an object's members, groups of settings included.
function members(document, schema, prefix = "") {
  const whole = resolve(document, schema);
  if (!whole) return [];
  if (whole.allOf) return whole.allOf.flatMap((part) => members(document, part, prefix));
  return Object.entries(whole.properties || {}).flatMap(([name, property]) => {
    const own = [element("code", prefix + name), typeOf(property), (resolve(document, property).description || "")];
    return property.type === "object" && property.properties ? members(document, property, `${prefix}${name}.`) : [own];
  });
}

function media(document, title, content) {
  return Object.entries(content || {}).map(([type, body]) => {
    const fields = members(document, body.schema);
    const examples = body.example !== undefined ? [body.example] : Object.values(body.examples || {}).map((e) => e.value);
    return details(`${title}: ${type} ${typeOf(body.schema)}`,
      fields.length ? rows(["member", "type", ""], fields) : null, ...examples.map(json));
  });
}

function operation(document, path, method, op) {
  const section = element("section", element("h3", element("b", method.toUpperCase()), element("code", path)),
    element("p", [op.summary, op.description].filter(Boolean).join(". ").replace("..", ".")));
  section.id = op.operationId;
  if (op.parameters) {
    section.append(rows(["parameter", "in", "type", ""],
      op.parameters.map((p) => [element("code", p.name), p.in, typeOf(p.schema), p.description || ""])));
  }
  if (op.requestBody) section.append(...media(document, "body", op.requestBody.content));
  for (const [status, given] of Object.entries(op.responses)) {
    const response = resolve(document, given);
    const shown = media(document, status, response.content);
    section.append(...(shown.length ? shown : [element("p", `${status}: ${response.description}`)]));
  }
  return section;
}

async function show() {
  const document_ = await (await fetch("/openapi.json")).json();
  document.getElementById("about").textContent = document_.info.description;
  const byTag = new Map();
  for (const [path, item] of Object.entries(document_.paths)) {
    for (const [method, op] of Object.entries(item)) {
      const tag = op.tags[0];
      byTag.set(tag, [...(byTag.get(tag) || []), { path, method, op }]);
    }
  }
  const list = element("ul");
  for (const [tag, operations] of byTag) {
    document.querySelector("main").append(element("h2", tag));
    for (const { path, method, op } of operations) {
      const link = element("a", `${method.toUpperCase()} ${path}`);
      link.href = `#${op.operationId}`;
      list.append(element("li", link));
      document.querySelector("main").append(operation(document_, path, method, op));
    }
  }
  document.querySelector("nav").append(list);
}

show().catch((error) => {
  document.getElementById("about").textContent = `The document could not be shown: ${error}`;
});

import assert from "node:assert/strict";
import test from "node:test";
import { load } from "../../sdk/assemblyscript/testing.mjs";

const plugin = await load(process.env.PLUGIN ?? "build/plugin.wasm");

test("shape", () => {
  plugin.setUp({ domain: "corp.example" });
  for (const hook of ["pre_register", "pre_update"]) {
    const ask = (client, context = {}) => plugin.run(hook, { hook, context, client });
    const added = { v: 1, action: "patch", patch: { contacts: ["clients@corp.example"] }, audit: { added_contact: true } };
    assert.deepEqual(ask({}), added);
    assert.deepEqual(ask({ contacts: ["a@b.example"] }), { v: 1, action: "continue" });
    assert.deepEqual(ask({}, { locked: ["contacts"] }), { v: 1, action: "continue" });
    assert.equal(ask({ contacts: ["a@b", "nobody"] }).error.description, "contacts: nobody is no e-mail address; write name@host.");
    assert.equal(ask({ contacts: ["a@b@c"] }).error.code, "invalid_client_metadata");
  }
});

test("sign", () => {
  plugin.setUp({ label: "front desk" });
  for (const hook of ["post_register", "on_read"]) {
    const answer = plugin.run(hook, { hook, client: { client_id: "c-1" } });
    assert.deepEqual(answer, { v: 1, action: "patch", patch: { registered_through: "front desk" } });
  }
});

test("wrong configuration", () => {
  for (const domain of ["", 7, "a@b"]) assert.throws(() => plugin.setUp({ domain }), /domain must be/);
});

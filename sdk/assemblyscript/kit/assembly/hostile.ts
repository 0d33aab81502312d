import { Call, Level, Setup, log } from "../../assembly";

/** Misbehaves while the plugin is loaded. */
export function start(s: Setup): void {
  const how = s.configuration.get("start").text();
  if (how == "refuse") s.refuse('the member "domain" is missing');
  if (how == "panic") throw new Error("not ready");
}

const hoard: StaticArray<u8>[] = [];

/** Does harm during a call. */
export function misbehave(how: string, c: Call): void {
  if (how == "loop") {
    for (let n = 0; ; n++) store<i32>(8, n);
  } else if (how == "bomb") {
    while (true) hoard.push(new StaticArray<u8>(1 << 20));
  } else if (how == "recurse") {
    c.patch.setInt("depth", deep(1));
  } else if (how == "panic") {
    const numbers = [1, 2, 3];
    c.patch.setInt("depth", numbers[c.context.locked.length + 3]);
  } else if (how == "huge") {
    c.patch.setString("client_name", "x".repeat(1 << 20));
  } else if (how == "flood") {
    const line = "noise ".repeat(1000);
    for (let i = 0; i < 10_000; i++) log(Level.Info, line);
  } else if (how == "mix") {
    c.patch.setString("client_name", "half done");
    c.fail("gave up in the middle");
  } else {
    c.fail("no such misbehaviour: " + how);
  }
}

function deep(n: i64): i64 {
  return n <= 0 ? 0 : n + deep(n + 1);
}

// The kit is the plugin that the tests of SDK and host share: its configuration says what it does in every hook. Steps play a
// well-behaved plugin (script.ts), misbehave plays a hostile or broken one (hostile.ts). It is sdk/go/internal/kit once more.

import {
  Call, Keys, Setup, Value, certificateCheck, configure, mintClientId, onRead, postRegister, postUpdate, preDelete, preRegister,
  preUpdate, requestKeys, softwareStatementKeys, tokenClaims,
} from "../../assembly";
import { misbehave, start } from "./hostile";
import { given, perform } from "./script";

export * from "../../assembly/exports";

let configuration: Value = Value.absent();

configure((s: Setup) => {
  configuration = s.configuration;
  start(s);
});
preRegister(play);
preUpdate(play);
preDelete(play);
postRegister(play);
postUpdate(play);
onRead(play);
certificateCheck(play);
tokenClaims(play);
mintClientId((c: Call): string => {
  play(c);
  return given().get("client_id").text();
});
softwareStatementKeys(keys);
requestKeys(keys);

function keys(c: Call): Keys | null {
  play(c);
  const jwks = given().get("jwks");
  const secret = given().get("secret");
  if (jwks.exists()) return Keys.jwks(jwks);
  return secret.exists() ? Keys.secret(secret.text()) : null;
}

function play(c: Call): void {
  const how = configuration.get("misbehave").text();
  if (how != "") return misbehave(how, c);
  const steps = configuration.get("steps").items();
  for (let i = 0; i < steps.length; i++) {
    if (!perform(c, steps[i])) return;
  }
}

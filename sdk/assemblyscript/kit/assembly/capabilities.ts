// The kit with the steps that need capabilities.

import { use } from "./uses";
import { setUse } from "./script";

export * from "./index";

setUse(use);

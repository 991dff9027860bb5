// Changes of devices over the control API.

import { call } from "./api.js";
import { toast } from "./dom.js";
import { store } from "./store.js";

/** Change a device; shows the error when the emulator refuses it. Returns whether it was changed. */
export async function change(device, fields) {
  try {
    await call("PATCH", `/devices/${encodeURIComponent(device.id)}`, fields);
    return true;
  } catch (error) {
    toast(error.message, "error");
    store.changed("state");
    return false;
  }
}

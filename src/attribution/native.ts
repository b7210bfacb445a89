/** What attribution asks of the native addon. */

export {
  type ConnectRecord,
  loadNative,
  type NativeAddon,
  type ProcessInfo,
  type SocketOwner,
} from "../native/native.js";

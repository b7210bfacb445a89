/** The part of the native addon that attribution uses. */

export {
  type ConnectRecord,
  loadNative,
  type NativeAddon,
  type ProcessInfo,
  type SocketOwner,
} from "../native/native.js";

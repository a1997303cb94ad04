/** The type of Web Crypto keys, which has no global name in the types of older Node versions. */

/** A key of Web Crypto. */
export type CryptoKey = Extract<
  Awaited<ReturnType<typeof globalThis.crypto.subtle.generateKey>>,
  { readonly type: string }
>

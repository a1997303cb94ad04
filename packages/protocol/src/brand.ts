/** Strings that must not be mixed up get types that do not mix: a raw token is not a {@link TokenHash}. */

declare const brand: unique symbol
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }

/** A time or a duration in whole seconds; a time counts from 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate). */
export type Seconds = number

/** What the primary and its workers tell each other. */

export type FromWorker =
  /** It serves. */
  | { readonly kind: 'ready' }
  /** It could not start. */
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string | undefined }

export type ToWorker =
  /** Finish what is under way, and end. */
  { readonly kind: 'drain' }

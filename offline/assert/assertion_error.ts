/**
 * The error that a failed assertion throws.
 *
 * @module
 */

/** Thrown by every assertion that does not hold. */
export class AssertionError extends Error {
  /** Makes the error with its message and, where there is one, its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/**
 * The error of a connection, after which another attempt may go better.
 *
 * @module
 */

/** Thrown where a server was not reached, broke off, or is too busy. */
export class ConnectionError extends Error {
  /** Makes the error with its message and, where there is one, its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ConnectionError";
  }
}

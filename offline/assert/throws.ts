/**
 * Assertions that a function throws or a promise is rejected.
 *
 * @module
 */
import { AssertionError } from "./assertion_error.ts";

/** A class of errors. */
export type ErrorClass<E extends Error> = new (...args: never[]) => E;

/** Asserts that `fn` throws, and returns what it threw. */
export function assertThrows(fn: () => unknown, message?: string): unknown;
/** Asserts that `fn` throws an error of the class, its message containing `includes`, and returns it. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMessage?: ErrorClass<Error> | string,
  includes?: string,
  message?: string,
): unknown {
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    checkError(thrown, classOrMessage, includes, message);
    return thrown;
  }
  throw new AssertionError(withNote("Expected function to throw", noteOf(classOrMessage, message)));
}

/** Asserts that the promise of `fn` is rejected, and returns the reason. */
export function assertRejects(fn: () => PromiseLike<unknown>, message?: string): Promise<unknown>;
/** Asserts that the promise of `fn` is rejected with an error of the class, its message containing `includes`. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  errorClass: ErrorClass<E>,
  includes?: string,
  message?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMessage?: ErrorClass<Error> | string,
  includes?: string,
  message?: string,
): Promise<unknown> {
  const note = noteOf(classOrMessage, message);
  let promise: PromiseLike<unknown>;
  try {
    promise = fn();
  } catch (error) {
    throw new AssertionError(withNote("Function throws when expected to reject", note), { cause: error });
  }
  try {
    await promise;
  } catch (error) {
    checkError(error, classOrMessage, includes, message);
    return error;
  }
  throw new AssertionError(withNote("Expected function to reject", note));
}

function checkError(
  error: unknown,
  classOrMessage: ErrorClass<Error> | string | undefined,
  includes: string | undefined,
  message: string | undefined,
): void {
  if (typeof classOrMessage !== "function") return;
  const found = error instanceof Error ? `${error.constructor.name}: ${error.message}` : String(error);
  if (!(error instanceof classOrMessage)) {
    throw new AssertionError(withNote(`Expected ${classOrMessage.name}, found ${found}`, message), {
      cause: error,
    });
  }
  if (includes !== undefined && !error.message.includes(includes)) {
    const what = `Expected the error's message to contain ${JSON.stringify(includes)}, found ${found}`;
    throw new AssertionError(withNote(what, message), { cause: error });
  }
}

function noteOf(
  classOrMessage: ErrorClass<Error> | string | undefined,
  message?: string,
): string | undefined {
  return typeof classOrMessage === "string" ? classOrMessage : message;
}

function withNote(what: string, note: string | undefined): string {
  return note === undefined ? what : `${what}: ${note}`;
}

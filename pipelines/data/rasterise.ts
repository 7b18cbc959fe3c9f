/**
 * Icons to pixels: an SVG drawn at four times the size, then averaged, with its transparency kept.
 * @module
 */

import { packageOf, rasteriser, readSource } from "./sources.ts";

/** A drawing: the inside of an `<svg>`, and its box. */
export interface Icon {
  /** SVG elements. */
  readonly body: string;
  /** Left edge of the box, 0 if absent. */
  readonly left?: number;
  /** Upper edge of the box, 0 if absent. */
  readonly top?: number;
  /** Width of the box. */
  readonly width: number;
  /** Height of the box. */
  readonly height: number;
}

/**
 * Draws an icon, centred in a square, as `[size, size, 4]` bytes of RGB and straight alpha.
 *
 * @param room Empty space drawn around the box and cut off again, in boxes.
 */
export type Rasterise = (icon: Icon, size: number, room?: number) => Uint8Array<ArrayBuffer>;

/** Starts the rasteriser. */
export async function startRasteriser(): Promise<Rasterise> {
  const { initWasm, Resvg } = await import(`npm:${packageOf(rasteriser)}`) as ResvgModule;
  await initWasm(await readSource(rasteriser));
  return (icon, size, room = 0) => {
    const across = size * OVERSAMPLING;
    const resvg = new Resvg(toSvg(icon, room), { fitTo: { mode: "width", value: across * (1 + 2 * room) } });
    const drawn = resvg.render();
    const { pixels, width } = drawn;
    drawn.free();
    resvg.free();
    return boxFilter({ pixels, width, margin: across * room }, size);
  };
}

/** How many times finer than the result an icon is drawn, across and down. */
const OVERSAMPLING = 4;

/** A square of pixels with premultiplied alpha, and how many of them are margin on each side. */
export interface Drawn {
  /** `[width, width, 4]` RGB and premultiplied alpha. */
  readonly pixels: Uint8Array;
  /** Pixels across. */
  readonly width: number;
  /** Pixels to leave out on each side. */
  readonly margin: number;
}

/** Averages blocks of premultiplied pixels and divides the alpha out. */
export function boxFilter({ pixels, width, margin }: Drawn, size: number): Uint8Array<ArrayBuffer> {
  const block = (width - 2 * margin) / size;
  const out = new Uint8Array(size * size * 4);
  for (let cell = 0; cell < size * size; cell++) {
    const sum = [0, 0, 0, 0];
    for (let i = 0; i < block * block; i++) {
      const x = margin + (cell % size) * block + i % block;
      const y = margin + Math.floor(cell / size) * block + Math.floor(i / block);
      for (let c = 0; c < 4; c++) sum[c]! += pixels[(y * width + x) * 4 + c]!;
    }
    const [red, green, blue, alpha] = sum as [number, number, number, number];
    const shown = Math.round(alpha / block ** 2);
    if (shown === 0) continue;
    out.set([red, green, blue].map((value) => Math.round(value / alpha * 255)), cell * 4);
    out[cell * 4 + 3] = shown;
  }
  return out;
}

function toSvg({ body, left = 0, top = 0, width, height }: Icon, room: number): string {
  const side = Math.max(width, height);
  const x = left - (side - width) / 2 - side * room;
  const y = top - (side - height) / 2 - side * room;
  const across = side * (1 + 2 * room);
  const namespaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"';
  return `<svg ${namespaces} viewBox="${x} ${y} ${across} ${across}">${body}</svg>`;
}

interface ResvgModule {
  readonly initWasm: (wasm: Uint8Array) => Promise<void>;
  readonly Resvg: new (svg: string, options: { fitTo: { mode: "width"; value: number } }) => {
    render(): { readonly pixels: Uint8Array; readonly width: number; free(): void };
    free(): void;
  };
}

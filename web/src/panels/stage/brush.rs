//! Draws what moves on a canvas, in the page's own colours.

use js_sys::Array;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CanvasRenderingContext2d, Element, HtmlCanvasElement, Window};

use super::density::Density;
use super::geometry::{Flow, Geometry, MIDDLE_LINE};
use super::moves::{Kind, Moves, Sprite};
use super::track::Point;
use super::words;
use crate::partition;
use crate::texts::Language;

/// Lanes with a colour of their own.
const COLOURS: usize = 8;

/// The colours in force.
#[derive(Debug)]
struct Palette {
    lanes: [String; COLOURS],
    unmarked: String,
    paper: String,
    ink: String,
    on: String,
    fail: String,
    retry: String,
    font: String,
}

/// A canvas with its size and colours.
#[derive(Debug)]
pub(super) struct Brush {
    canvas: HtmlCanvasElement,
    context: CanvasRenderingContext2d,
    window: Window,
    root: Element,
    flow: Flow,
    /// Height of a tile and of a packet.
    tile_h: f64,
    language: Language,
    size: (f64, f64),
    scale: f64,
    /// The theme and the size in pixels that palette and scale belong to.
    belongs_to: Option<(Option<String>, i32, f64)>,
    palette: Option<Palette>,
    dashes: Array,
    solid: Array,
    /// Is there anything on the canvas?
    is_used: bool,
}

impl Brush {
    /// For a canvas that lies over the stage.
    pub(super) fn over(canvas: HtmlCanvasElement, geometry: &Geometry, language: Language) -> Option<Self> {
        let context = canvas.get_context("2d").ok()??.dyn_into().ok()?;
        let window = web_sys::window()?;
        let root = window.document()?.document_element()?;
        Some(Self {
            canvas,
            context,
            window,
            root,
            flow: geometry.flow,
            tile_h: f64::from(geometry.row.packet_h),
            language,
            size: (f64::from(geometry.width), f64::from(geometry.height)),
            scale: 1.0,
            belongs_to: None,
            palette: None,
            dashes: Array::of2(&JsValue::from(4), &JsValue::from(3)),
            solid: Array::new(),
            is_used: false,
        })
    }

    /// Draws what was picked; nothing is left of the frame before.
    pub(super) fn draw(&mut self, moves: &Moves, few: bool) {
        let is_empty = moves.sprites.is_empty() && moves.density != Density::Band;
        if is_empty && !self.is_used {
            return;
        }
        self.fit();
        let Some(palette) = self.palette.take() else { return };
        let _ = self.context.set_transform(self.scale, 0.0, 0.0, self.scale, 0.0, 0.0);
        self.context.clear_rect(0.0, 0.0, self.size.0, self.size.1);
        self.context.set_text_align("center");
        self.context.set_text_baseline("middle");
        self.context.set_font(&palette.font);
        if moves.density == Density::Band {
            self.band(&palette, moves.on_belt);
        }
        for sprite in &moves.sprites {
            self.sprite(&palette, sprite, few);
        }
        self.palette = Some(palette);
        self.is_used = !is_empty;
    }

    /// Follows the element's size, the screen's resolution and the theme.
    fn fit(&mut self) {
        let theme = self.root.get_attribute("data-theme");
        let (width, ratio) = (self.canvas.client_width(), self.window.device_pixel_ratio());
        let belongs_to = Some((theme, width, ratio));
        if self.belongs_to == belongs_to {
            return;
        }
        self.belongs_to = belongs_to;
        self.scale = f64::from(width) * ratio / self.size.0;
        self.canvas.set_width(pixels(self.size.0 * self.scale));
        self.canvas.set_height(pixels(self.size.1 * self.scale));
        self.palette = self.read_palette();
    }

    fn read_palette(&self) -> Option<Palette> {
        let style = self.window.get_computed_style(&self.canvas).ok()??;
        let read = |name: &str| style.get_property_value(name).unwrap_or_default().trim().to_owned();
        let lanes = ["--p0", "--p1", "--p2", "--p3", "--p4", "--p5", "--p6", "--p7"].map(read);
        Some(Palette {
            lanes,
            unmarked: read("--ink2"),
            paper: read("--paper"),
            ink: read("--ink"),
            on: read("--on"),
            fail: read("--fail"),
            retry: read("--retry"),
            font: format!("700 12px {}", read("--sans")),
        })
    }

    fn sprite(&self, palette: &Palette, sprite: &Sprite, few: bool) {
        let at = sprite.at;
        let lane = partition::colour(sprite.lane).and_then(|lane| palette.lanes.get(lane));
        let colour = lane.unwrap_or(&palette.unmarked).as_str();
        match &sprite.kind {
            Kind::Tile { label, is_null, has_lane } => {
                let words = match (label.is_empty(), is_null) {
                    (true, true) => "∅".to_owned(),
                    (true, false) => "\"\"".to_owned(),
                    _ if few => words::long_label(label),
                    _ => words::short_label(label),
                };
                let fill = has_lane.then_some(colour);
                self.tile(palette, at, &words, fill, palette.ink.as_str());
            }
            Kind::Dot { has_lane } => self.dot(at, if *has_lane { colour } else { &palette.ink }),
            Kind::Request { records, attempts, is_cut } => {
                let words = match few && self.flow == Flow::Right {
                    true => words::records(u64::from(*records), self.language),
                    false => format!("×{}", self.language.number(*records)),
                };
                let half = self.packet(palette, at, &words, colour, !is_cut, *is_cut);
                self.chevron(at, half, 1.0, colour);
                self.badges(palette, at, half, *attempts, *is_cut);
            }
            Kind::Answer { base_offset, attempts, is_cut } => {
                let half = self.packet(palette, at, &offset(*base_offset), colour, false, *is_cut);
                self.chevron(at, half, -1.0, colour);
                self.badges(palette, at, half, *attempts, *is_cut);
            }
            Kind::Home { base_offset, has_failed, more } => {
                let (mut words, colour) = match has_failed {
                    true => ("×".to_owned(), palette.fail.as_str()),
                    false => (offset(*base_offset), colour),
                };
                if *more > 0 {
                    words.push_str(&format!(" +{more}"));
                }
                self.packet(palette, at, &words, colour, false, false);
            }
        }
    }

    /// A record: outlined in ink before the partitioner, filled with its lane after it.
    fn tile(&self, palette: &Palette, at: Point, words: &str, lane: Option<&str>, ink: &str) {
        let half = (words::width(words) / 2.0 + 5.0).max(12.0);
        self.outline(at, half, self.tile_h / 2.0, 5.0);
        self.context.set_fill_style_str(lane.unwrap_or(&palette.paper));
        self.context.fill();
        if lane.is_none() {
            self.stroke(ink, 1.5);
        }
        self.words(at, words, if lane.is_some() { &palette.on } else { ink });
    }

    /// A message; returns half of its width.
    fn packet(&self, palette: &Palette, at: Point, words: &str, colour: &str, is_full: bool, is_cut: bool) -> f64 {
        let colour = if is_cut { palette.fail.as_str() } else { colour };
        let half = words::width(words) / 2.0 + 7.0;
        self.outline(at, half, self.tile_h / 2.0 - 1.0, 4.0);
        self.context.set_fill_style_str(if is_full { colour } else { &palette.paper });
        self.context.fill();
        if is_cut {
            self.context.set_line_dash(&self.dashes).ok();
        }
        self.stroke(colour, 1.75);
        self.context.set_line_dash(&self.solid).ok();
        self.words(at, words, if is_full { &palette.on } else { colour });
        half
    }

    /// The tip that shows which way a packet goes: towards the broker, or home.
    fn chevron(&self, at: Point, half: f64, sign: f64, colour: &str) {
        let context = &self.context;
        context.begin_path();
        match self.flow {
            Flow::Right => {
                let x = at.x + sign * (half + 3.0);
                context.move_to(x, at.y - 4.0);
                context.line_to(x + sign * 4.0, at.y);
                context.line_to(x, at.y + 4.0);
            }
            Flow::Down => {
                let y = at.y + sign * (self.tile_h / 2.0 + 2.0);
                context.move_to(at.x - 4.0, y);
                context.line_to(at.x, y + sign * 4.0);
                context.line_to(at.x + 4.0, y);
            }
        }
        self.stroke(colour, 1.5);
    }

    /// A round × on what was cut off, and the number of attempts on what is sent again.
    fn badges(&self, palette: &Palette, at: Point, half: f64, attempts: u32, is_cut: bool) {
        let corner = Point { x: at.x + half - 2.0, y: at.y - self.tile_h / 2.0 };
        if is_cut {
            self.badge(corner, 8.0, &palette.fail);
            self.words(corner, "×", &palette.on);
        } else if attempts > 1 {
            self.badge(corner, 13.0, &palette.retry);
            self.words(corner, &format!("↻{attempts}"), &palette.on);
        }
    }

    fn badge(&self, at: Point, half: f64, colour: &str) {
        self.outline(at, half, 8.0, 8.0);
        self.context.set_fill_style_str(colour);
        self.context.fill();
    }

    fn dot(&self, at: Point, colour: &str) {
        self.context.set_fill_style_str(colour);
        self.context.fill_rect(at.x - 2.0, at.y - 2.0, 4.0, 4.0);
    }

    /// More records than dots could tell apart: a band, with how many pass during the time a record takes.
    fn band(&self, palette: &Palette, on_belt: u64) {
        let words = format!("×{}", self.language.number(on_belt));
        let at = match self.flow {
            Flow::Right => Point { x: 138.0, y: f64::from(MIDDLE_LINE) - 13.0 },
            Flow::Down => Point { x: 262.0, y: 59.0 },
        };
        self.context.set_fill_style_str(&palette.ink);
        match self.flow {
            Flow::Right => self.context.fill_rect(124.0, at.y + 13.0, 104.0, 7.0),
            Flow::Down => self.context.fill_rect(229.0, 49.0, 6.0, 21.0),
        }
        self.tile(palette, Point { y: at.y - 6.0, ..at }, &words, None, &palette.ink);
    }

    fn outline(&self, at: Point, half: f64, half_h: f64, radius: f64) {
        self.context.begin_path();
        let (x, y, w, h) = (at.x - half, at.y - half_h, half * 2.0, half_h * 2.0);
        if self.context.round_rect_with_f64(x, y, w, h, radius).is_err() {
            self.context.rect(x, y, w, h);
        }
    }

    fn stroke(&self, colour: &str, width: f64) {
        self.context.set_stroke_style_str(colour);
        self.context.set_line_width(width);
        self.context.stroke();
    }

    fn words(&self, at: Point, words: &str, colour: &str) {
        self.context.set_fill_style_str(colour);
        self.context.fill_text(words, at.x, at.y + 0.5).ok();
    }
}

fn offset(base_offset: i64) -> String {
    format!("@{base_offset}")
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a size in pixels")]
fn pixels(size: f64) -> u32 {
    size.round().max(1.0) as u32
}

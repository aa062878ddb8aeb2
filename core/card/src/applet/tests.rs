//! The applet from outside.

mod attack;
mod bounds;
mod import;
mod cut;
mod desk;
mod life;
mod orders;
mod pins;
mod protocol;
mod scripts;

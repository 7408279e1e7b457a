//! Stories about the whole producer, told against brokers that answer as the story says.

mod first_contact;
mod story;

package org.apache.kafka.clients.producer.internals;

import java.lang.reflect.Field;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;

/** What the Java client keeps to itself. */
final class TimelineFields {
    private TimelineFields() {
    }

    static Object get(Class<?> owner, Object object, String name) {
        try {
            Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            return field.get(object);
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }

    static void set(Class<?> owner, Object object, String name, Object value) {
        try {
            Field field = owner.getDeclaredField(name);
            field.setAccessible(true);
            field.set(object, value);
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }

    /** A method without arguments; what it throws is thrown. */
    static void call(Class<?> owner, Object object, String name) {
        try {
            Method method = owner.getDeclaredMethod(name);
            method.setAccessible(true);
            method.invoke(object);
        } catch (InvocationTargetException thrown) {
            throw (RuntimeException) thrown.getCause();
        } catch (ReflectiveOperationException gone) {
            throw new AssertionError(gone);
        }
    }
}
